#include "experiment/measures.h"

#include <ATen/ATen.h>

#include "base/digest.h"
#include "experiment/planes.h"
#include "io/atomic_file.h"
#include "nn/weights_file.h"
#include "train/sharpness.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

nlohmann::json measure(const Session& session, const ImageBatches& images, const Weights& weights) {
  nlohmann::json out = {{"weight_norm", at::linalg_vector_norm(weights.weights.to(at::kDouble)).item<double>()}};
  if (session.config.measures.sharpness_images == 0) return out;
  const Sharpness sharpness =
      measure_sharpness(session.graph, images, weights, {.images = session.config.measures.sharpness_images});
  out["sharpness"] = sharpness.eigenvalue;
  out["sharpness_iterations"] = sharpness.iterations;
  out["sharpness_converged"] = sharpness.converged;
  return out;
}

}  // namespace

void measure_runs(const Session& session, const fs::path& folder) {
  const ImageBatches images(session.data.train.images, session.data.train.labels, session.data.normalisation.mean,
                            session.data.normalisation.std, session.device);
  const std::vector<fs::path> runs = find_runs(folder);
  Progress progress("measures", "runs", static_cast<double>(runs.size()), 0, session.progress);
  double done = 0;
  for (const fs::path& run : runs) {
    progress.update(done++, run.filename().string());
    const fs::path weights = run / "weights.safetensors", file = run / "measures.json";
    if (!fs::exists(weights)) continue;
    const nlohmann::json request = {{"weights", sha256_of_file(weights)},
                                    {"sharpness_images", session.config.measures.sharpness_images}};
    if (fs::exists(file)) {
      const auto there = with_advice("remove it and run again to make it anew",
                                     [&] { return read_json_file(file, ExitCode::kFailure); });
      if (there.is_object() && there.value("request", nlohmann::json()) == request) continue;
    }
    nlohmann::json out = measure(session, images, read_weights(weights, session.graph));
    out["request"] = request;
    write_file_atomically(file, out.dump(2) + "\n");
  }
  progress.finish();
}

}  // namespace thalweg
