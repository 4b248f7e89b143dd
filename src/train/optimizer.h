// The path from a gradient to the next weights: clipping, the update of kernels/optimizer.h, and weight averaging.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kernels/step_control.h"
#include "nn/layout.h"
#include "train/config.h"
#include "train/state.h"

namespace thalweg {

class Optimizer {
 public:
  Optimizer(const Layout& layout, const OptimizerConfig& config, const at::Tensor& weights);

  // Sets the rate and the bias corrections of the update that follows `step` updates.
  void prepare(std::int64_t step, double lr, StepControl& control) const;
  // Updates the state's weights and moments; may scale `gradient` (clipping). `control` points to device memory.
  void update(TrainState& state, const at::Tensor& gradient, const StepControl* control) const;

 private:
  const OptimizerConfig& config_;
  at::Tensor decay_;  // float32 [P]: weight decay of each parameter
};

// Scales `gradient` [P] to a norm of at most `max_norm`, like torch.nn.utils.clip_grad_norm_.
void clip_gradient(const at::Tensor& gradient, double max_norm);

// Updates the average after a step: EMA (decay d: a += (1 - d)(w - a), starting from the weights) or SWA (the mean of
// the weights at the ends of epochs; Izmailov et al. 2018).
void update_average(TrainState& state, const AverageConfig& config, std::int64_t steps_per_epoch);

}  // namespace thalweg
