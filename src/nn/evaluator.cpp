#include "nn/evaluator.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

#include "base/error.h"
#include "nn/materialise.h"

namespace thalweg {
namespace {

using Ints = std::vector<std::int64_t>;

// oneDNN's fused convolution, reachable only through the dispatcher (torch.compile's CPU back end uses it).
at::Tensor packed_weight(const at::Tensor& weight, const Step& step) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("mkldnn::_reorder_convolution_weight", "")
                             .typed<at::Tensor(const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef,
                                               std::int64_t, at::OptionalIntArrayRef)>();
  const Ints padding(2, step.padding), stride(2, step.stride), dilation(2, 1);
  return op.call(weight, padding, stride, dilation, 1, std::nullopt);
}

at::Tensor onednn_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const Step& step) {
  using Signature = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, at::IntArrayRef,
                               at::IntArrayRef, at::IntArrayRef, std::int64_t, std::string_view,
                               c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise", "").typed<Signature>();
  const Ints padding(2, step.padding), stride(2, step.stride), dilation(2, 1);
  return op.call(x, weight, bias, padding, stride, dilation, 1, step.relu ? "relu" : "none",
                 c10::List<std::optional<at::Scalar>>(), "");
}

at::Tensor onednn_conv_add(const at::Tensor& x, const at::Tensor& other, const at::Tensor& weight,
                           const at::Tensor& bias, const Step& step) {
  using Signature = at::Tensor(
      const at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, at::IntArrayRef,
      at::IntArrayRef, at::IntArrayRef, std::int64_t, std::string_view, std::optional<at::Scalar>,
      std::optional<std::string_view>, c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise", "binary").typed<Signature>();
  const Ints padding(2, step.padding), stride(2, step.stride), dilation(2, 1);
  const std::optional<std::string_view> unary = step.relu ? std::optional<std::string_view>("relu") : std::nullopt;
  return op.call(x, other, weight, bias, padding, stride, dilation, 1, "add", at::Scalar(1.0), unary,
                 c10::List<std::optional<at::Scalar>>(), "");
}

at::Tensor pad_shortcut(const Step& step, const at::Tensor& x) {
  const at::Tensor strided = x.slice(2, 0, x.size(2), step.stride).slice(3, 0, x.size(3), step.stride);
  return at::constant_pad_nd(strided, {0, 0, 0, 0, step.padding, step.padding})
      .contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

Evaluator::Evaluator(Program program, c10::Device device, at::ScalarType type)
    : program_(std::move(program)), device_(device), type_(type), layers_(program_.segments.size()) {}

void Evaluator::load(const at::Tensor& folded) {
  check(folded.dim() == 1 && folded.size(0) == program_.folded_size, "expected {} folded weights, got {}",
        program_.folded_size, folded.numel());
  const at::NoGradGuard no_grad;
  for (const Step& step : program_.steps) {
    if (step.segment < 0) continue;
    const FoldSegment& s = program_.segments[static_cast<std::size_t>(step.segment)];
    LayerWeights& layer = layers_[static_cast<std::size_t>(step.segment)];
    layer.bias = folded.narrow(0, s.out_bias, s.rows);
    const at::Tensor weight = folded.narrow(0, s.out_weight, s.rows * s.taps * s.channels);
    if (step.kind == StepKind::kLinear) {
      layer.weight = weight.view({s.rows, s.channels});
      continue;
    }
    layer.weight = weight.view({s.rows, step.kernel, step.kernel, s.channels}).permute({0, 3, 1, 2});
  }
  if (device_.is_cpu()) separate_relu_ = may_overflow();
  for (const Step& step : program_.steps) {
    if (step.segment < 0) continue;
    LayerWeights& layer = layers_[static_cast<std::size_t>(step.segment)];
    layer.weight = layer.weight.to(type_);
    layer.bias = layer.bias.to(type_);
    if (device_.is_cpu() && step.kind == StepKind::kConv) layer.weight = packed_weight(layer.weight, step);
  }
}

// Whether an activation could overflow float32, by bounds from the weights' row sums: |y| <= |x| max_k sum |W_k| + |b|.
// Weights that are not finite could, too. Far from the minima a map meets such points, and they must show.
bool Evaluator::may_overflow() const {
  constexpr double kLargestInput = 1e4;  // normalised pixels are below 10
  constexpr double kLimit = 1e37;
  std::vector<double> bound(static_cast<std::size_t>(program_.num_slots), kLargestInput);
  for (const Step& step : program_.steps) {
    double y = bound[static_cast<std::size_t>(step.input)];
    if (step.segment >= 0) {
      const LayerWeights& layer = layers_[static_cast<std::size_t>(step.segment)];
      // As it lies in memory, so that nothing is copied.
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
  if (device_.is_cpu()) {
    Step conv = step;
    conv.relu = step.relu && !separate_relu_;
    at::Tensor y = other ? onednn_conv_add(x, *other, layer.weight, layer.bias, conv)
                         : onednn_conv(x, layer.weight, layer.bias, conv);
    return step.relu && separate_relu_ ? y.relu_() : y;
  }
  at::Tensor y = at::conv2d(x, layer.weight, layer.bias, at::IntArrayRef{step.stride, step.stride},
                            at::IntArrayRef{step.padding, step.padding});
  if (other) y.add_(*other);
  if (step.relu) y.relu_();
  return y;
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
      at::Tensor y = at::linear(x, layer.weight, layer.bias);
      return step.relu ? y.relu_() : y;
    }
    case StepKind::kMaxPool:
      return at::max_pool2d(x, {step.kernel, step.kernel}, {step.stride, step.stride});
    case StepKind::kGlobalAvgPool:
      // The mean over one pixel is that pixel; the reduction kernel would cost a pass.
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

at::Tensor Evaluator::logits(const at::Tensor& images) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> slots(static_cast<std::size_t>(program_.num_slots));
  slots[0] = images.contiguous(at::MemoryFormat::ChannelsLast);
  for (const Step& step : program_.steps) {
    slots[static_cast<std::size_t>(step.output)] = run_step(step, slots);
    for (const int slot : step.dead) slots[static_cast<std::size_t>(slot)] = at::Tensor();
  }
  return slots[static_cast<std::size_t>(program_.steps.back().output)].to(at::kFloat).contiguous();
}

at::Tensor fold_weights(const Program& program, const at::Tensor& weights, const at::Tensor& buffers) {
  const at::Tensor zero = at::zeros({1, 2}, weights.options());
  return PlaneMaterialiser(program, {weights, weights, weights}).folded(zero, buffers)[0];
}

}  // namespace thalweg
