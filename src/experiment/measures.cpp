#include "experiment/measures.h"

#include <ATen/ATen.h>

#include "base/digest.h"
#include "data/image_batches.h"
#include "experiment/mapped_surface.h"
#include "io/atomic_file.h"
#include "io/json_member.h"
#include "io/strict_json.h"
#include "nn/weights_file.h"
#include "train/run_folder.h"
#include "train/sharpness.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

SharpnessConfig sharpness_config(const Session& session) {
  return {.images = session.config.measures.sharpness_images};
}

nlohmann::json measure(const Session& session, const ImageBatches& images, const Weights& weights) {
  nlohmann::json out = {{"weight_norm", at::linalg_vector_norm(weights.weights.to(at::kDouble)).item<double>()}};
  if (session.config.measures.sharpness_images == 0) return out;
  const Sharpness sharpness = measure_sharpness(session.graph, images, weights, sharpness_config(session));
  out["sharpness"] = sharpness.eigenvalue;
  out["sharpness_iterations"] = sharpness.iterations;
  out["sharpness_converged"] = sharpness.converged;
  return out;
}

nlohmann::json request_of(const Session& session, const fs::path& run) {
  const SharpnessConfig sharpness = sharpness_config(session);
  return {{"weights", sha256_of_file(RunFolder{run}.weights())},
          {"sharpness_images", sharpness.images},
          {"sharpness_iterations", sharpness.iterations},
          {"sharpness_tolerance", sharpness.tolerance}};
}

std::vector<fs::path> unmeasured_runs(const SeedExperiment& experiment) {
  std::vector<fs::path> runs = find_runs(experiment.folder.path);
  std::erase_if(runs, [&](const fs::path& run) {
    if (!fs::exists(RunFolder{run}.weights())) return true;  // an average that never started
    const fs::path file = RunFolder{run}.measures();
    if (!fs::exists(file)) return false;
    const auto there = with_advice(remove_advice(file), [&] { return read_json_file(file, ExitCode::kFailure); });
    return member(there, "request") == request_of(experiment.session, run);
  });
  return runs;
}

}  // namespace

void measure_runs(const SeedExperiment& experiment) {
  const std::vector<fs::path> runs = unmeasured_runs(experiment);
  if (runs.empty()) return;
  const Session& session = experiment.session;
  const ImageBatches images = on_device(session.data.train, session.data.normalisation, session.device);
  Progress progress("measures", "runs", static_cast<double>(runs.size()), 0, session.progress);
  double done = 0;
  for (const fs::path& run : runs) {
    const fs::path file = RunFolder{run}.weights();
    const Weights weights = with_advice(remove_advice(file), [&] { return read_weights(file, session.graph); });
    nlohmann::json out = measure(session, images, weights);
    out["request"] = request_of(session, run);
    write_file_atomically(RunFolder{run}.measures(), out.dump(2) + "\n");
    progress.update(++done, run.filename().string());
  }
  progress.finish();
}

}  // namespace thalweg
