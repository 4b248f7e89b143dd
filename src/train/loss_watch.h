// Monitors the health of training by its losses. Each loss belongs to the weights before an update and is judged when
// it has arrived (train/loss_queue.h). A sound loss confirms the checkpoint of those weights, which may then replace
// older ones.
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

// A step whose loss has been judged.
struct JudgedStep {
  WatchedStep step;
  std::string trouble;  // the result of LossWatch::judge
};

class LossWatch {
 public:
  // `checkpoint`: the step of the last checkpoint. Keeps references.
  LossWatch(const RunSpec& spec, const Graph& graph, const RunPlan& plan, const CheckpointFolder& checkpoints,
            std::int64_t checkpoint);

  void push(const WatchedStep& step, const at::Tensor& loss) { losses_.push(step, loss); }
  // Returns the oldest pushed step, judged; see LossQueue::pop.
  std::optional<JudgedStep> pop(std::size_t may_wait);
  // Judges the loss of the weights after `step` updates. Returns an empty string if it is sound, else why the run
  // cannot continue.
  std::string judge(double loss, std::int64_t step);

  // Records that a checkpoint was written. Older ones are kept until a loss confirms it.
  void add_checkpoint(std::int64_t step);
  std::int64_t checkpoint() const { return checkpoint_; }      // step of the last one
  const std::optional<double>& last() const { return last_; }  // the last loss popped

 private:
  std::string divergence(double loss, std::int64_t step) const;

  const RunSpec& spec_;
  const RunPlan& plan_;
  const CheckpointFolder& checkpoints_;
  double guessing_;  // the loss of a network that guesses
  LossQueue losses_;
  std::int64_t checkpoint_;
  bool is_vouched_for_ = false;  // the last checkpoint
  std::optional<double> last_;
};

}  // namespace thalweg
