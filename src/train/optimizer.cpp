#include "train/optimizer.h"

#include <cmath>

#include <ATen/ATen.h>

#include "base/stream.h"
#include "kernels/optimizer.h"

namespace thalweg {
namespace {

at::Tensor weight_decay_vector(const Layout& layout, const OptimizerConfig& config, const at::Tensor& like) {
  at::Tensor decay = at::full_like(like, config.weight_decay);
  if (config.decay_norm_and_bias) return decay;
  for (const LayoutEntry& entry : layout.entries()) {
    if (entry.role != TensorRole::kWeight) decay.narrow(0, entry.offset, entry.numel).zero_();
  }
  return decay;
}

}  // namespace

Optimizer::Optimizer(const Layout& layout, const OptimizerConfig& config, const at::Tensor& weights)
    : config_(config), decay_(weight_decay_vector(layout, config, weights)) {}

void Optimizer::prepare(std::int64_t step, double lr, StepControl& control) const {
  const auto t = static_cast<double>(step + 1);
  control.lr = static_cast<float>(lr);
  control.first_correction = static_cast<float>(1 - std::pow(config_.beta1, t));
  control.second_correction = static_cast<float>(1 - std::pow(config_.beta2, t));
}

void Optimizer::update(TrainState& state, const at::Tensor& gradient, const StepControl* control) const {
  if (config_.clip_norm > 0) clip_gradient(gradient, config_.clip_norm);
  const bool adamw = config_.kind == OptimizerKind::kAdamW;
  UpdateArgs args;
  args.kind = config_.kind;
  args.weights = state.weights.mutable_data_ptr<float>();
  args.first = state.momentum.mutable_data_ptr<float>();
  if (adamw) args.second = state.second_moment.mutable_data_ptr<float>();
  args.gradient = gradient.const_data_ptr<float>();
  args.decay = decay_.const_data_ptr<float>();
  args.num_parameters = gradient.size(0);
  args.control = control;
  args.momentum = static_cast<float>(adamw ? config_.beta1 : config_.momentum);
  args.beta2 = static_cast<float>(config_.beta2);
  args.eps = static_cast<float>(config_.eps);
  args.nesterov = config_.nesterov;
  run_kernel(args, gradient.device(), update_cpu, update_cuda);
}

void clip_gradient(const at::Tensor& gradient, double max_norm) {
  // Scales without reading the norm, which stays on the device.
  const at::Tensor scale = at::clamp_max(max_norm / (at::linalg_vector_norm(gradient) + 1e-6), 1.0);
  gradient.mul_(scale);
}

void update_average(TrainState& state, const AverageConfig& config, std::int64_t steps_per_epoch) {
  if (!config.due(static_cast<double>(state.step) / static_cast<double>(steps_per_epoch))) return;
  // The first weights are their own average.
  const double share = state.averaged == 0                ? 1.0
                       : config.kind == AverageKind::kSwa ? 1.0 / static_cast<double>(state.averaged + 1)
                                                          : 1 - config.decay;
  state.average.lerp_(state.weights, share);
  ++state.averaged;
}

}  // namespace thalweg
