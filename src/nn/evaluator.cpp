#include "nn/evaluator.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/stream.h"
#include "kernels/head.h"
#include "kernels/overflow.h"
#include "nn/activation_type.h"
#include "nn/materialise.h"
#include "nn/max_pool.h"

namespace thalweg {
namespace {

// Whether the slot that is added may be overwritten: it is not needed after this step, and is not the caller's.
bool is_free(const Step& step) {
  return step.other > 0 && std::find(step.dead.begin(), step.dead.end(), step.other) != step.dead.end();
}

at::Tensor pad_shortcut(const Step& step, const at::Tensor& x) {
  const at::Tensor strided = x.slice(2, 0, x.size(2), step.stride).slice(3, 0, x.size(3), step.stride);
  return at::constant_pad_nd(strided, {0, 0, 0, 0, step.padding, step.padding})
      .contiguous(at::MemoryFormat::ChannelsLast);
}

void find_overflow(const at::Tensor& values, const Evaluator::Watch& watch) {
  OverflowArgs args;
  args.type = activation_type_of(values);
  args.values = values.const_data_ptr();
  args.n = values.numel();
  args.limit = watch.limit;
  args.flag = watch.flag.mutable_data_ptr<std::int32_t>();
  run_kernel(args, values.device(), find_overflow_cpu, find_overflow_cuda);
}

// Whether the results of a step can be larger than its inputs.
bool computes(StepKind kind) {
  return kind == StepKind::kConv || kind == StepKind::kLinear || kind == StepKind::kAdd;
}

}  // namespace

Evaluator::Evaluator(Program program, c10::Device device, at::ScalarType type, ConvPlans* plans)
    : program_(std::move(program)), device_(device), type_(type), layers_(program_.segments.size()), plans_(plans) {}

void Evaluator::load(const at::Tensor& folded) {
  check(folded.dim() == 1 && folded.size(0) == program_.folded_size, "expected {} folded weights, got {}",
        program_.folded_size, folded.numel());
  const at::NoGradGuard no_grad;
  for (const Step& step : program_.steps) {
    if (step.segment < 0) continue;
    const FoldSegment& s = program_.segments[static_cast<std::size_t>(step.segment)];
    LayerWeights& layer = layers_[static_cast<std::size_t>(step.segment)];
    layer.bias = folded.narrow(0, s.out_bias, s.rows);
    const at::Tensor weight = folded.narrow(0, s.out_weight, s.rows * s.taps * s.out_channels);
    if (step.kind == StepKind::kLinear) {
      layer.weight = weight.view({s.rows, s.channels});
      continue;
    }
    layer.weight = weight.view({s.rows, step.kernel, step.kernel, s.out_channels}).permute({0, 3, 1, 2});
  }
  if (device_.is_cpu() && !is_twin()) separate_relu_ = may_overflow();
  for (const Step& step : program_.steps) {
    if (step.segment < 0) continue;
    LayerWeights& layer = layers_[static_cast<std::size_t>(step.segment)];
    layer.weight = layer.weight.to(type_);
    layer.bias = layer.bias.to(type_);
    if (device_.is_cpu() && !is_twin() && step.kind == StepKind::kConv) {
      const PackedConvSpec spec{step.height, step.width, step.stride, step.padding, step.relu};
      layer.packed = PackedConv(spec, layer.weight, layer.bias);
      layer.weight = at::Tensor();
    }
  }
}

// Whether an activation could overflow float32, by bounds from the weights' row sums: |y| <= |x| max_k sum |W_k| + |b|.
// True as well if weights are not finite. Maps contain such points far from the minima, and they must show.
bool Evaluator::may_overflow() const {
  constexpr double kLargestInput = 1e4;  // normalised pixels are below 10
  constexpr double kLimit = 1e37;
  std::vector<double> bound(static_cast<std::size_t>(program_.num_slots), kLargestInput);
  for (const Step& step : program_.steps) {
    double y = bound[static_cast<std::size_t>(step.input)];
    if (step.segment >= 0) {
      const LayerWeights& layer = layers_[static_cast<std::size_t>(step.segment)];
      // In memory order, so that nothing is copied.
      const at::Tensor rows = layer.weight.dim() == 4 ? layer.weight.permute({0, 2, 3, 1}) : layer.weight;
      const at::Tensor row_sums = at::linalg_vector_norm(rows.flatten(1), 1, 1);
      y = y * row_sums.max().item<double>() + layer.bias.abs().max().item<double>();
    }
    if (step.other >= 0) y += bound[static_cast<std::size_t>(step.other)];
    bound[static_cast<std::size_t>(step.output)] = y;
    if (!(y < kLimit)) return true;
  }
  return false;
}

at::Tensor Evaluator::run_conv(const Step& step, const at::Tensor& x, const std::optional<at::Tensor>& other) const {
  const LayerWeights& layer = layers_[static_cast<std::size_t>(step.segment)];
  if (is_twin()) {
    at::Tensor y = at::conv2d(x.to(at::kFloat), layer.weight.to(at::kFloat), layer.bias.to(at::kFloat),
                              at::IntArrayRef{step.stride, step.stride}, at::IntArrayRef{step.padding, step.padding});
    if (other) y.add_(*other);
    if (step.relu) y.relu_();
    return y.to(type_).contiguous(at::MemoryFormat::ChannelsLast);
  }
  if (device_.is_cpu())
    return layer.packed.run(x, {other.value_or(at::Tensor()), other && is_free(step)}, separate_relu_);
  const std::pair refused(step.segment, x.size(0));
  if (plans_ && !refused_.contains(refused)) {
    try {
      return run_planned(step, x, other);
    } catch (const Error& error) {
      if (is_out_of_memory(error) || is_capturing()) throw;
      refused_.insert(refused);
      if (refusal_.empty()) refusal_ = error.what();
    }
  }
  at::Tensor y = at::conv2d(x, layer.weight, layer.bias, at::IntArrayRef{step.stride, step.stride},
                            at::IntArrayRef{step.padding, step.padding});
  if (other) y.add_(*other);
  if (step.relu) y.relu_();
  return y;
}

at::Tensor Evaluator::run_planned(const Step& step, const at::Tensor& x, const std::optional<at::Tensor>& other) const {
  const LayerWeights& layer = layers_[static_cast<std::size_t>(step.segment)];
  const GpuConv conv{*plans_, step.stride, step.padding};
  if (step.relu) return conv_relu(conv, x, layer.weight, layer.bias, other.value_or(at::Tensor()));
  const at::Tensor y = conv_forward(conv, x, layer.weight, layer.bias);
  return other ? y.add_(*other) : y;
}

at::Tensor Evaluator::run_step(const Step& step, const std::vector<at::Tensor>& slots) const {
  const at::Tensor& x = slots[static_cast<std::size_t>(step.input)];
  std::optional<at::Tensor> other;
  if (step.other >= 0) other = slots[static_cast<std::size_t>(step.other)];
  switch (step.kind) {
    case StepKind::kConv:
      return run_conv(step, x, other);
    case StepKind::kLinear: {
      const LayerWeights& layer = layers_[static_cast<std::size_t>(step.segment)];
      const at::ScalarType wide = is_twin() ? at::kFloat : type_;
      at::Tensor y = at::linear(x.to(wide), layer.weight.to(wide), layer.bias.to(wide)).to(type_);
      return step.relu ? y.relu_() : y;
    }
    case StepKind::kMaxPool:
      if (plans_ || x.is_cpu()) return max_pool(x.contiguous(at::MemoryFormat::ChannelsLast), step.kernel, step.stride);
      return at::max_pool2d(x, {step.kernel, step.kernel}, {step.stride, step.stride});
    case StepKind::kGlobalAvgPool:
      // The mean over one pixel is that pixel; a reduction kernel would cost a pass.
      return x.size(2) == 1 && x.size(3) == 1 ? x : at::mean(x, {2, 3}, /*keepdim=*/true);
    case StepKind::kPadShortcut:
      return pad_shortcut(step, x);
    case StepKind::kFlatten:
      return at::flatten(x, 1);
    case StepKind::kRelu:
      return at::relu(x);
    case StepKind::kAdd:
      return at::add(x, *other);
  }
  fail("unknown step");
}

// `value` is the output of the step before, or the images. Returns the output of the last of these steps.
at::Tensor Evaluator::run(const Steps& steps, const at::Tensor& value, const Watch* watch) const {
  std::vector<at::Tensor> slots(static_cast<std::size_t>(program_.num_slots));
  auto last = static_cast<std::size_t>(steps.begin == 0 ? 0 : program_.steps[steps.begin - 1].output);
  slots[last] = steps.begin > 0 || flattens_images() ? value : value.contiguous(at::MemoryFormat::ChannelsLast);
  for (std::size_t k = steps.begin; k < steps.end; ++k) {
    const Step& step = program_.steps[k];
    last = static_cast<std::size_t>(step.output);
    slots[last] = run_step(step, slots);
    if (watch && computes(step.kind)) find_overflow(slots[last], *watch);
    for (const int slot : step.dead) slots[static_cast<std::size_t>(slot)] = at::Tensor();
  }
  return slots[last];
}

at::Tensor Evaluator::logits(const at::Tensor& images) const {
  return logits_after(0, images);
}

at::Tensor Evaluator::logits_after(std::size_t steps, const at::Tensor& value) const {
  const at::NoGradGuard no_grad;
  return run({steps, program_.steps.size()}, value, nullptr).to(at::kFloat).contiguous();
}

// The number of steps before kernels/head.h, which computes the last linear layer and an average in front of it; all
// steps if it does not support them.
std::size_t Evaluator::steps_before_head() const {
  const std::vector<Step>& steps = program_.steps;
  const Step& last = steps.back();
  if (last.kind != StepKind::kLinear || last.relu) return steps.size();
  const FoldSegment& s = program_.segments[static_cast<std::size_t>(last.segment)];
  if (!head_fits(s.channels, s.rows)) return steps.size();
  const std::size_t n = steps.size();
  const bool averaged = n >= 3 && steps[n - 2].kind == StepKind::kFlatten && steps[n - 2].output == last.input &&
                        steps[n - 3].kind == StepKind::kGlobalAvgPool && steps[n - 3].output == steps[n - 2].input;
  return averaged ? n - 3 : n - 1;
}

void Evaluator::losses(const at::Tensor& images, const at::Tensor& labels, const ImageValues& out,
                       const Watch* watch) const {
  const at::NoGradGuard no_grad;
  const std::size_t body = steps_before_head();
  at::Tensor x = run({0, body}, images, watch);
  if (body == program_.steps.size()) return image_losses(x.to(at::kFloat).contiguous(), labels, out);
  x = x.dim() == 4 ? x.contiguous(at::MemoryFormat::ChannelsLast) : x.contiguous();
  const Step& last = program_.steps.back();
  const LayerWeights& layer = layers_[static_cast<std::size_t>(last.segment)];
  HeadArgs args;
  args.type = activation_type_of(x);
  args.features = x.const_data_ptr();
  args.weight = layer.weight.const_data_ptr();
  args.bias = layer.bias.const_data_ptr();
  args.labels = labels.const_data_ptr<std::int64_t>();
  args.num_images = labels.size(0);
  args.channels = x.size(1);
  args.pixels = x.numel() / (x.size(0) * x.size(1));
  args.num_classes = layer.weight.size(0);
  args.losses = out.losses.mutable_data_ptr<double>();
  args.correct = out.correct.mutable_data_ptr<std::int32_t>();
  args.margins = out.margins.mutable_data_ptr<float>();
  run_kernel(args, x.device(), head_losses_cpu, head_losses_cuda);
}

at::Tensor fold_weights(const Program& program, const at::Tensor& weights, const at::Tensor& buffers) {
  const at::Tensor zero = at::zeros({1, 2}, weights.options());
  return PlaneMaterialiser(program, {weights, weights, weights}).folded(zero, buffers)[0];
}

}  // namespace thalweg
