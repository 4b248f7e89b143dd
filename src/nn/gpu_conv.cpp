#include "nn/gpu_conv.h"

#include <algorithm>
#include <limits>

#include <ATen/ATen.h>

#include "base/error.h"
#include "base/stream.h"
#include "nn/activation_type.h"

namespace thalweg {
namespace {

constexpr auto kLayout = at::MemoryFormat::ChannelsLast;
constexpr std::uintptr_t kAlignment = 16;  // assumed by the plans
constexpr std::int64_t kMostValues = std::numeric_limits<std::int32_t>::max();

ConvShape conv_shape(const GpuConv& conv, at::IntArrayRef x, at::IntArrayRef w, ActivationType type) {
  check(x.size() == 4 && w.size() == 4 && x[1] == w[1],
        "convolution: expected an image [N, C, H, W] and a filter [K, C, R, S], got {} and {} dimensions, {} and {} "
        "channels",
        x.size(), w.size(), x.size() > 1 ? x[1] : 0, w.size() > 1 ? w[1] : 0);
  const ConvShape shape{x[0], x[1], x[2], x[3], w[0], w[2], w[3], conv.stride, conv.padding, type};
  // LibTorch's own convolution splits such a batch.
  check(shape.n * std::max(shape.c * shape.h * shape.w, shape.k * shape.p() * shape.q()) <= kMostValues,
        "{} images of {} x {} x {} convolved to {} x {} x {} have more values than a plan can index; in training, use "
        "a smaller train.batch or a larger train.accumulate, or set train.conv_plans to false",
        shape.n, shape.c, shape.h, shape.w, shape.k, shape.p(), shape.q());
  return shape;
}

bool is_aligned(const at::Tensor& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % kAlignment == 0;
}

at::Tensor channels_last(const at::Tensor& tensor) {
  const at::Tensor contiguous = tensor.contiguous(kLayout);
  return is_aligned(contiguous) ? contiguous : contiguous.clone(kLayout);
}

// Returns an input of a convolution, aligned and channels-last, after checking it against `sizes` and the first input,
// `like`.
at::Tensor operand(const at::Tensor& tensor, at::IntArrayRef sizes, const at::Tensor& like) {
  check(tensor.sizes() == sizes && tensor.scalar_type() == like.scalar_type() && tensor.device() == like.device(),
        "convolution: expected {} elements of {} on {}, got {} of {} on {}", c10::multiply_integers(sizes),
        c10::toString(like.scalar_type()), like.device().str(), tensor.numel(), c10::toString(tensor.scalar_type()),
        tensor.device().str());
  if (tensor.dim() == 4) return channels_last(tensor);
  const at::Tensor contiguous = tensor.contiguous();
  return is_aligned(contiguous) ? contiguous : contiguous.clone();
}

at::Tensor empty_like(const at::Tensor& like, at::IntArrayRef sizes) {
  return at::empty(sizes, like.options().memory_format(kLayout));
}

ConvWorkspace space_of(const at::Tensor& bytes) {
  return {bytes.mutable_data_ptr(), bytes.numel()};
}

void run(const GpuConv& conv, const ConvShape& shape, ConvPass pass, const ConvBuffers& buffers, c10::Device device) {
  ConvPlans& plans = conv.plans;
  const at::TensorOptions bytes = at::TensorOptions(at::kByte).device(device);
  const cudaStream_t stream = current_stream(device);
  if (!plans.is_built(shape, pass) && is_capturing()) {
    fail("{}: its plan cannot be chosen while a CUDA graph is captured; run it once before the capture",
         describe(shape, pass));
  }
  if (plans.options().tune && !plans.is_chosen(shape, pass)) {
    at::Tensor space;
    const auto allocate = [&](std::int64_t size) { return space_of(space = at::empty({size}, bytes)); };
    plans.tune(shape, pass, buffers, allocate, stream);
  }
  const ConvPlan& plan = plans.get(shape, pass);
  const at::Tensor workspace = at::empty({plan.workspace_bytes}, bytes);
  plans.execute(plan, buffers, space_of(workspace), stream);
}

struct Epilogue {
  ConvPass pass;
  const at::Tensor& bias;
  const at::Tensor& residual;
};

at::Tensor forward(const GpuConv& conv, const at::Tensor& x, const at::Tensor& w, const Epilogue& epilogue) {
  check(x.is_cuda(), "convolution by cuDNN: expected tensors on a GPU, got one on {}", x.device().str());
  const ConvShape shape = conv_shape(conv, x.sizes(), w.sizes(), activation_type_of(x));
  const at::Tensor image = operand(x, x.sizes(), x);
  const at::Tensor filter = operand(w, w.sizes(), x);
  at::Tensor output = empty_like(x, {shape.n, shape.k, shape.p(), shape.q()});
  ConvBuffers buffers{image.data_ptr(), filter.data_ptr(), output.data_ptr()};
  at::Tensor bias, residual;  // must live until the launch
  if (epilogue.bias.defined()) {
    bias = operand(epilogue.bias, {shape.k}, x);
    buffers.bias = bias.data_ptr();
  }
  if (epilogue.residual.defined()) {
    residual = operand(epilogue.residual, output.sizes(), x);
    buffers.residual = residual.data_ptr();
  }
  run(conv, shape, epilogue.pass, buffers, x.device());
  return output;
}

}  // namespace

at::Tensor conv_forward(const GpuConv& conv, const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) {
  return forward(conv, x, w, {bias.defined() ? ConvPass::kForwardBias : ConvPass::kForward, bias, {}});
}

at::Tensor conv_relu(const GpuConv& conv, const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias,
                     const at::Tensor& residual) {
  return forward(conv, x, w,
                 {residual.defined() ? ConvPass::kForwardBiasAddRelu : ConvPass::kForwardBiasRelu, bias, residual});
}

at::Tensor conv_input_gradient(const GpuConv& conv, const at::Tensor& dy, const at::Tensor& w,
                               at::IntArrayRef x_sizes) {
  check(dy.is_cuda(), "convolution by cuDNN: expected tensors on a GPU, got one on {}", dy.device().str());
  const ConvShape shape = conv_shape(conv, x_sizes, w.sizes(), activation_type_of(dy));
  const at::Tensor gradient = operand(dy, {shape.n, shape.k, shape.p(), shape.q()}, dy);
  const at::Tensor filter = operand(w, w.sizes(), dy);
  at::Tensor dx = empty_like(dy, x_sizes);
  run(conv, shape, ConvPass::kInputGradient, {dx.data_ptr(), filter.data_ptr(), gradient.data_ptr()}, dy.device());
  return dx;
}

void conv_weight_gradient(const GpuConv& conv, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& dw) {
  check(dy.is_cuda(), "convolution by cuDNN: expected tensors on a GPU, got one on {}", dy.device().str());
  const ConvShape shape = conv_shape(conv, x.sizes(), dw.sizes(), activation_type_of(dy));
  const at::Tensor gradient = operand(dy, {shape.n, shape.k, shape.p(), shape.q()}, dy);
  const at::Tensor image = operand(x, x.sizes(), dy);
  const bool direct = dw.scalar_type() == dy.scalar_type() && dw.is_contiguous(kLayout) && is_aligned(dw);
  const at::Tensor result = direct ? dw : empty_like(dy, dw.sizes());
  run(conv, shape, ConvPass::kWeightGradient, {image.data_ptr(), result.data_ptr(), gradient.data_ptr()}, dy.device());
  if (!direct) dw.copy_(result);
}

}  // namespace thalweg
