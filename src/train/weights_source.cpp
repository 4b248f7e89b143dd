#include "train/weights_source.h"

#include "train/checkpoint.h"
#include "train/run_folder.h"
#include "trajectory/folders.h"

namespace thalweg {

Weights load_weights(const std::filesystem::path& file, const Graph& graph) {
  if (!is_checkpoint(file)) return read_weights(file, graph);
  const TrainState state = read_checkpoint(file, graph).state;
  return {state.weights, state.buffers};
}

nlohmann::json describe_weights(const std::filesystem::path& file) {
  if (!is_checkpoint(file)) return read_weights_description(file);
  const std::filesystem::path run = run_of_checkpoint(std::filesystem::absolute(file));
  if (!RunFolder{run}.holds_run()) return {};
  const nlohmann::json identity = read_run_identity(run), status = read_run_status(run);
  nlohmann::json description = identity.at("description");
  description["run"] = identity.at("name");
  const std::int64_t step = checkpoint_step(file);
  description["step"] = step;
  if (status.is_null()) return description;
  const auto steps_per_epoch = status.find("steps_per_epoch");
  if (steps_per_epoch != status.end() && steps_per_epoch->is_number() && *steps_per_epoch > 0)
    description["epoch"] = static_cast<double>(step) / steps_per_epoch->get<double>();
  description["provenance"] = status.value("provenance", nlohmann::json::object());
  return description;
}

}  // namespace thalweg
