#include "train/weights_source.h"

#include "train/checkpoint.h"
#include "train/run_folder.h"

namespace thalweg {
namespace {

// RUN/checkpoints/step-N.safetensors -> RUN
std::filesystem::path run_of(const std::filesystem::path& checkpoint) {
  return std::filesystem::absolute(checkpoint).parent_path().parent_path();
}

}  // namespace

Weights load_weights(const std::filesystem::path& file, const Graph& graph) {
  if (!is_checkpoint(file)) return read_weights(file, graph);
  const TrainState state = read_checkpoint(file, graph).state;
  return {state.weights, state.buffers};
}

nlohmann::json describe_weights(const std::filesystem::path& file) {
  if (!is_checkpoint(file)) return read_weights_description(file);
  const std::filesystem::path run = run_of(file);
  if (!std::filesystem::exists(run / "run.json")) return {};
  const nlohmann::json identity = read_run_identity(run), status = read_run_status(run);
  nlohmann::json description = identity.at("description");
  description["run"] = identity.at("name");
  const std::int64_t step = checkpoint_step(file);
  description["step"] = step;
  if (!status.contains("steps_per_epoch") || !status.contains("provenance")) return description;
  description["epoch"] = static_cast<double>(step) / status.at("steps_per_epoch").get<double>();
  description["provenance"] = status.at("provenance");
  return description;
}

}  // namespace thalweg
