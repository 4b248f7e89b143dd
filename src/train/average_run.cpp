#include "train/average_run.h"

#include <utility>

#include <ATen/ATen.h>

#include "base/stream.h"
#include "nn/eager.h"
#include "nn/init.h"
#include "trajectory/folders.h"
#include "trajectory/run_name.h"
#include "trajectory/store.h"

namespace thalweg {
namespace {

// Whether the folder holds snapshots, or what is left of them. Without any, nothing can be damaged.
bool has_snapshots(const std::filesystem::path& folder) {
  const std::filesystem::path trajectory = RunFolder{folder}.trajectory();
  std::error_code missing;
  const auto bytes = std::filesystem::file_size(trajectory_rows(trajectory), missing);
  return std::filesystem::exists(trajectory_index(trajectory)) && !missing && bytes > 0;
}

// The number of the average's snapshots that belong to the run up to `start`.
std::int64_t kept_until(const std::filesystem::path& folder, const Checkpoint& start) {
  if (start.num_average_snapshots) return *start.num_average_snapshots;
  const TrajectoryReader reader(RunFolder{folder}.trajectory());
  std::int64_t count = 0;
  while (count < reader.size() && reader.info(count).step <= start.state.step) ++count;
  return count;
}

}  // namespace

AverageRun::AverageRun(const RunSpec& spec, const RunContext& context, const std::filesystem::path& run,
                       const ImageBatches& train, const Checkpoint& start)
    : spec_(spec),
      context_(context),
      folder_(RunFolder{run}.average().path),
      train_(train),
      name_(average_name(spec.name)),
      lost_(start.state.average.defined() && start.num_average_snapshots != 0 && !has_snapshots(folder_)),
      kept_(has_snapshots(folder_) ? kept_until(folder_, start) : 0),
      trajectory_(RunFolder{folder_}.trajectory(), context.graph.parameters.size(), context.graph.buffers.size(),
                  kept_) {
  trajectory_.truncate(kept_);
  RunSpec own = spec;  // identifies the averaged run, which has neither fork nor end of its own
  own.name = name_;
  own.fork.clear();
  own.end_step.reset();
  claim_run_folder(folder_, run_identity(own, context.graph));
}

std::string AverageRun::note() const {
  if (!lost_) return "";
  return fmt::format("{} is missing: it is made again from the last checkpoint on, without its earlier snapshots",
                     folder_.string());
}

at::Tensor AverageRun::buffers_of(const at::Tensor& average) const {
  const at::Tensor buffers = initial_buffers(context_.graph).to(average.device());
  if (context_.graph.has_batch_norm()) {
    const bool is_first = average.is_cuda() && !std::exchange(has_estimated_, true);
    const std::unique_lock lock = is_first ? capture_lock() : std::unique_lock<std::mutex>();
    estimate_batch_norm(context_.graph, average, buffers, train_.range(0, std::min(kAverageImages, train_.size())));
  }
  return buffers;
}

void AverageRun::take_snapshot(const SnapshotInfo& info, const at::Tensor& average) {
  trajectory_.append(info, average, buffers_of(average));
}

void AverageRun::evaluate(Splits& splits, const at::Tensor& average, nlohmann::json& out) const {
  nlohmann::json metrics;
  splits.evaluate_watched(average, buffers_of(average), metrics);
  for (const auto& [key, value] : metrics.items()) out["average_" + key] = value;
}

void AverageRun::finish(Splits& splits, const SnapshotInfo& info, const at::Tensor& average) {
  if (!average.defined()) return write_status(RunState::kDone, info.step, nlohmann::json::object());
  const at::Tensor buffers = buffers_of(average);
  nlohmann::json final_metrics;
  splits.evaluate_train(average, buffers, final_metrics);
  splits.evaluate_watched(average, buffers, final_metrics);
  write_final_weights(folder_, spec_, context_.graph,
                      {name_, info.step, info.epoch, {average.cpu(), buffers.cpu()}, final_metrics});
  write_status(RunState::kDone, info.step, final_metrics);
}

void AverageRun::write_status(RunState state, std::int64_t step, const nlohmann::json& final_metrics) const {
  nlohmann::json status = {{"state", to_string(state)},
                           {"name", name_},
                           {"step", step},
                           {"snapshots", trajectory_.count()},
                           {"provenance", spec_.provenance}};
  if (!final_metrics.is_null()) status["final"] = final_metrics;
  write_run_status(folder_, status);
}

}  // namespace thalweg
