// The averaged weights of a run (train/optimizer.h) as a run of their own, in the folder average/ of the run: run.json,
// status.json, trajectory/ and weights.safetensors as train/run.h has them, named NAME-average. So planes, surfaces and
// reports take the averaged path as they take any other.
//
// The average has no running statistics of its own training: those of each snapshot are taken over the first
// kAverageImages training images, as a landscape's `recompute` does.
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include "nn/images.h"
#include "train/run.h"
#include "train/run_folder.h"
#include "train/splits.h"
#include "trajectory/store.h"

namespace thalweg {

constexpr std::int64_t kAverageImages = 2048;

class AverageRun {
 public:
  // The run goes on from `step`: what the folder holds of later steps is cut off. Keeps references.
  AverageRun(const RunSpec& spec, const RunContext& context, const std::filesystem::path& run,
             const ImageBatches& train, std::int64_t step);

  // Where the run is, for status.json, until it is done.
  void tell_state(RunState state, std::int64_t step) const { write_status(state, step, {}); }
  // `average` float32 [P] on the training device, row-major.
  void take_snapshot(const SnapshotInfo& info, const at::Tensor& average);
  // Adds "average_<split>_loss" and "average_<split>_accuracy" of the splits that are watched.
  void evaluate(Splits& splits, const at::Tensor& average, nlohmann::json& out) const;
  // Writes the final weights and their metrics; of a run that ended before its average began (`average` undefined) the
  // status alone, with an empty `final`.
  void finish(Splits& splits, const SnapshotInfo& info, const at::Tensor& average);

 private:
  at::Tensor buffers_of(const at::Tensor& average) const;
  void write_status(RunState state, std::int64_t step, const nlohmann::json& final_metrics) const;

  const RunSpec& spec_;
  const RunContext& context_;
  std::filesystem::path folder_;
  const ImageBatches& train_;
  std::string name_;
  TrajectoryWriter trajectory_;
  mutable bool has_estimated_ = false;  // batch norm's statistics, for which LibTorch then has chosen its kernels
};

}  // namespace thalweg
