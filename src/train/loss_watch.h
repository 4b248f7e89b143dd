// Whether training goes well, by its losses. Each is of the weights before an update, and looked at when it has arrived
// (train/loss_queue.h): one that is sound vouches for the checkpoint of those weights, which then replaces others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <ATen/core/Tensor.h>

#include "nn/graph.h"
#include "train/checkpoint_folder.h"
#include "train/loss_queue.h"
#include "train/plan.h"
#include "train/run_spec.h"

namespace thalweg {

// A step whose loss has been looked at.
struct JudgedStep {
  WatchedStep step;
  std::string trouble;  // LossWatch::judge's
};

class LossWatch {
 public:
  // `checkpoint`: step of the last one. Keeps references.
  LossWatch(const RunSpec& spec, const Graph& graph, const RunPlan& plan, const CheckpointFolder& checkpoints,
            std::int64_t checkpoint);

  void push(const WatchedStep& step, const at::Tensor& loss) { losses_.push(step, loss); }
  // The oldest that was pushed, as LossQueue::pop.
  std::optional<JudgedStep> pop(std::size_t may_wait);
  // Of the weights after `step` updates. Empty if their loss is sound, else why the run cannot go on.
  std::string judge(double loss, std::int64_t step);

  // A checkpoint was written; others stay until a loss vouches for it.
  void add_checkpoint(std::int64_t step);
  std::int64_t checkpoint() const { return checkpoint_; }      // step of the last one
  const std::optional<double>& last() const { return last_; }  // that was popped

 private:
  std::string divergence(double loss, std::int64_t step) const;

  const RunSpec& spec_;
  const RunPlan& plan_;
  const CheckpointFolder& checkpoints_;
  double guessing_;  // the loss of a network that guesses
  LossQueue losses_;
  std::int64_t checkpoint_;
  bool is_vouched_for_ = false;  // that checkpoint
  std::optional<double> last_;
};

}  // namespace thalweg
