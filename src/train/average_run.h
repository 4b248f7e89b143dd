// Stores the averaged weights of a run (train/optimizer.h) as a run of its own, named NAME-average, in the run's folder
// average/: run.json, status.json, trajectory/ and weights.safetensors, as described in train/run.h. Planes, surfaces
// and reports therefore treat the averaged path like any other.
//
// The averaged weights have no running statistics from training. Each snapshot's statistics are estimated on the first
// kAverageImages training images, as a landscape's `recompute` does.
#pragma once

#include <cstdint>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "nn/images.h"
#include "train/checkpoint.h"
#include "train/run.h"
#include "train/run_folder.h"
#include "train/splits.h"
#include "trajectory/store.h"

namespace thalweg {

constexpr std::int64_t kAverageImages = 2048;

class AverageRun {
 public:
  // The run continues from `start`; later snapshots in the folder are removed. Throws Error if earlier ones are
  // damaged, unless the folder's trajectory is missing altogether. Keeps references.
  AverageRun(const RunSpec& spec, const RunContext& context, const std::filesystem::path& run,
             const ImageBatches& train, const Checkpoint& start);

  std::int64_t num_snapshots() const { return trajectory_.count(); }
  // Whether the average's snapshots up to `start` are missing; `note` tells it then, and is empty otherwise.
  bool is_lost() const { return lost_; }
  std::string note() const;

  // Writes the run's progress to status.json until the run is done.
  void tell_state(RunState state, std::int64_t step) const { write_status(state, step, {}); }
  // `average`: float32 [P] on the training device, row-major.
  void take_snapshot(const SnapshotInfo& info, const at::Tensor& average);
  // Adds "average_<split>_loss" and "average_<split>_accuracy" for each watched split.
  void evaluate(Splits& splits, const at::Tensor& average, nlohmann::json& out) const;
  // Writes the final weights and their metrics. If the run ended before averaging began (`average` is undefined),
  // writes only the status, with an empty `final`.
  void finish(Splits& splits, const SnapshotInfo& info, const at::Tensor& average);

 private:
  at::Tensor buffers_of(const at::Tensor& average) const;
  void write_status(RunState state, std::int64_t step, const nlohmann::json& final_metrics) const;

  const RunSpec& spec_;
  const RunContext& context_;
  std::filesystem::path folder_;
  const ImageBatches& train_;
  std::string name_;
  bool lost_;
  std::int64_t kept_;  // snapshots up to `start`
  TrajectoryWriter trajectory_;
  mutable bool has_estimated_ = false;  // batch-norm statistics; LibTorch has then chosen its kernels
};

}  // namespace thalweg
