#include "nn/cpu_conv.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <omp.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include "base/error.h"
#include "kernels/weight_gradient.h"
#include "nn/activation_type.h"

namespace thalweg {
namespace {

using Ints = std::vector<std::int64_t>;
using Pair = std::array<std::int64_t, 2>;

constexpr auto kLayout = at::MemoryFormat::ChannelsLast;
constexpr std::int64_t kImagesOfAThread = 16;  // at least: with fewer, a call's overhead costs as much as their sums

ConvSizes conv_sizes(const CpuConv& conv, at::IntArrayRef x, at::IntArrayRef w) {
  const auto out = [&](std::int64_t size) { return (size + 2 * conv.padding - w[2]) / conv.stride + 1; };
  return {x[0], x[2], x[3], x[1], out(x[2]), out(x[3]), w[0], w[2], conv.stride, conv.padding};
}

DirectConvArgs direct_args(const CpuConv& conv, DirectConvPass pass, at::IntArrayRef x, const at::Tensor& w) {
  DirectConvArgs args;
  args.conv = conv_sizes(conv, x, w.sizes());
  args.pass = pass;
  args.type = activation_type_of(w);
  return args;
}

ConvWord* work_space(const CpuConv& conv, at::Tensor& own, std::int64_t words) {
  at::Tensor& work = conv.work ? *conv.work : own;
  if (!work.defined() || work.numel() < words) work = at::empty({words}, at::kInt);
  return reinterpret_cast<ConvWord*>(work.mutable_data_ptr<std::int32_t>());
}

void pack(const DirectConvArgs& args, const at::Tensor& w, ConvWord* words) {
  const at::Tensor contiguous = w.contiguous(kLayout);
  pack_direct_conv_weights(args, contiguous.const_data_ptr(), words);
}

// Packs the weights for this call and runs the direct convolution.
at::Tensor run_direct(const CpuConv& conv, DirectConvArgs args, const at::Tensor& from, const at::Tensor& w,
                      const at::Tensor& to) {
  at::Tensor own;
  ConvWord* words = work_space(conv, own, direct_conv_weight_words(args.conv, args.type));
  pack(args, w, words);
  const at::Tensor contiguous = from.contiguous(kLayout);
  args.from = contiguous.const_data_ptr();
  args.weights = words;
  args.to = to.mutable_data_ptr();
  direct_conv_cpu(args);
  return to;
}

auto libtorch_backward(const CpuConv& conv, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& w,
                       std::array<bool, 3> wanted) {
  return at::convolution_backward(dy, x, w, at::OptionalIntArrayRef(), Pair{conv.stride, conv.stride},
                                  Pair{conv.padding, conv.padding}, Pair{1, 1}, false, Pair{0, 0}, 1, wanted);
}

// Whether to compute in float32. Without instructions for bfloat16, LibTorch's convolutions of it are some fifteen
// times slower than those of float32, and oneDNN's fused operators refuse it. Products of bfloat16s are exact in
// float32, in which their sums are kept anyway.
bool is_widened(at::ScalarType type) {
  return type == at::kBFloat16 && !multiplies_bf16();
}

at::Tensor widened(const at::Tensor& x) {
  return x.defined() ? x.to(at::kFloat) : x;
}

// oneDNN divides the bfloat16 weight gradient of a strided convolution among threads that wait for each other,
// spinning, at every image: on an EPYC with AVX-512, two took as long as one, and hundreds of times as long if another
// program occupied the core of one of them.
bool threads_wait_for_each_other(const CpuConv& conv, const at::Tensor& x, const at::Tensor& dw) {
  return x.is_cpu() && x.scalar_type() == at::kBFloat16 && conv.stride > 1 && dw.size(2) > 1;
}

// Limits what the calling thread starts to one thread: oneDNN divides work among as many threads as OpenMP promises,
// and waits forever for those that do not come.
class OneThread {
 public:
  OneThread() { omp_set_num_threads(1); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread() { omp_set_num_threads(before_); }

 private:
  const int before_ = at::get_num_threads();  // the first call in a thread sets OpenMP's number
};

at::Tensor libtorch_weight_gradient(const CpuConv& conv, const at::Tensor& dy, const at::Tensor& x,
                                    const at::Tensor& dw) {
  const at::Tensor like_w = at::empty(dw.sizes(), x.options(), kLayout);
  return std::get<1>(libtorch_backward(conv, dy, x, like_w, {false, true, false}));
}

// Each thread processes some of the images on its own. The split depends on the number of threads requested, not on the
// number that OpenMP provides.
void add_up_weight_gradients(const CpuConv& conv, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& dw) {
  const std::int64_t images = x.size(0);
  const std::int64_t count = std::clamp<std::int64_t>(images / kImagesOfAThread, 1, at::get_num_threads());
  std::vector<at::Tensor> parts(static_cast<std::size_t>(count));
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    const OneThread one_thread;
    const at::NoGradGuard no_grad;  // thread-local
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i * images / count, last = (i + 1) * images / count;
      parts[static_cast<std::size_t>(i)] =
          libtorch_weight_gradient(conv, dy.slice(0, first, last), x.slice(0, first, last), dw);
    }
  });
  dw.zero_();
  for (const at::Tensor& part : parts) dw.add_(part);
}

// oneDNN's fused convolution, reachable only through the dispatcher (torch.compile's CPU back end uses it).
at::Tensor onednn_weight(const PackedConvSpec& spec, const at::Tensor& weight) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("mkldnn::_reorder_convolution_weight", "")
                             .typed<at::Tensor(const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef,
                                               std::int64_t, at::OptionalIntArrayRef)>();
  const Ints padding(2, spec.padding), stride(2, spec.stride), dilation(2, 1);
  return op.call(weight, padding, stride, dilation, 1, std::nullopt);
}

at::Tensor onednn_conv(const PackedConvSpec& spec, const at::Tensor& x, const at::Tensor& weight,
                       const at::Tensor& bias, bool relu) {
  using Signature = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, at::IntArrayRef,
                               at::IntArrayRef, at::IntArrayRef, std::int64_t, std::string_view,
                               c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise", "").typed<Signature>();
  const Ints padding(2, spec.padding), stride(2, spec.stride), dilation(2, 1);
  return op.call(x, weight, bias, padding, stride, dilation, 1, relu ? "relu" : "none",
                 c10::List<std::optional<at::Scalar>>(), "");
}

// Adds the convolution to `sum` in place, and returns it. The operator that does not overwrite `sum` first copies it to
// another layout, which costs up to half as much as the convolution.
at::Tensor onednn_conv_add(const PackedConvSpec& spec, const at::Tensor& x, at::Tensor sum, const at::Tensor& weight,
                           const at::Tensor& bias, bool relu) {
  using Signature = at::Tensor&(at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, std::int64_t, std::string_view,
                                std::optional<at::Scalar>, std::optional<std::string_view>,
                                c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise_", "binary").typed<Signature>();
  const Ints padding(2, spec.padding), stride(2, spec.stride), dilation(2, 1);
  const std::optional<std::string_view> unary = relu ? std::optional<std::string_view>("relu") : std::nullopt;
  op.call(sum, x, weight, bias, padding, stride, dilation, 1, "add", at::Scalar(1.0), unary,
          c10::List<std::optional<at::Scalar>>(), "");
  return sum;
}

}  // namespace

at::Tensor conv_forward(const CpuConv& conv, const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) {
  if (x.is_cpu() && is_widened(x.scalar_type()))
    return conv_forward(conv, widened(x), widened(w), widened(bias)).to(x.scalar_type());
  DirectConvArgs args = direct_args(conv, DirectConvPass::kForward, x.sizes(), w);
  if (!x.is_cpu() || !direct_conv_pays(args)) {
    return at::conv2d(x, w, bias, Pair{conv.stride, conv.stride}, Pair{conv.padding, conv.padding}).contiguous(kLayout);
  }
  if (bias.defined()) args.bias = bias.const_data_ptr();
  const ConvSizes& sizes = args.conv;
  const at::Tensor y =
      at::empty({sizes.num_images, sizes.filters, sizes.out_height, sizes.out_width}, x.options(), kLayout);
  return run_direct(conv, args, x, w, y);
}

at::Tensor conv_input_gradient(const CpuConv& conv, const at::Tensor& dy, const at::Tensor& w,
                               at::IntArrayRef x_sizes) {
  if (dy.is_cpu() && is_widened(dy.scalar_type()))
    return conv_input_gradient(conv, widened(dy), widened(w), x_sizes).to(dy.scalar_type());
  const DirectConvArgs args = direct_args(conv, DirectConvPass::kInputGradient, x_sizes, w);
  if (dy.is_cpu() && direct_conv_pays(args))
    return run_direct(conv, args, dy, w, at::empty(x_sizes, dy.options(), kLayout));
  const at::Tensor like_x = at::empty({1}, dy.options()).expand(x_sizes);  // only its sizes matter
  return std::get<0>(libtorch_backward(conv, dy, like_x, w, {true, false, false})).contiguous(kLayout);
}

void conv_weight_gradient(const CpuConv& conv, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& dw) {
  if (x.is_cpu() && is_widened(x.scalar_type())) return conv_weight_gradient(conv, widened(dy), widened(x), dw);
  WeightGradientArgs args;
  args.conv = conv_sizes(conv, x.sizes(), dw.sizes());
  args.type = activation_type_of(x);
  if (!x.is_cpu() || !weight_gradient_pays(args)) {
    if (threads_wait_for_each_other(conv, x, dw)) return add_up_weight_gradients(conv, dy, x, dw);
    dw.copy_(libtorch_weight_gradient(conv, dy, x, dw));
    return;
  }
  at::Tensor own;
  args.work = work_space(conv, own, weight_gradient_work(args));
  const at::Tensor image = x.contiguous(kLayout), gradient = dy.contiguous(kLayout);
  args.x = image.const_data_ptr();
  args.dy = gradient.const_data_ptr();
  const at::Tensor contiguous = dw.contiguous(kLayout);
  args.dw = contiguous.mutable_data_ptr<float>();
  weight_gradient_cpu(args);
  if (!contiguous.is_same(dw)) dw.copy_(contiguous);
}

PackedConv::PackedConv(const PackedConvSpec& spec, const at::Tensor& w, const at::Tensor& bias)
    : spec_(spec), type_(w.scalar_type()), bias_(is_widened(type_) ? widened(bias) : bias) {
  const at::Tensor weight = is_widened(type_) ? widened(w) : w;
  direct_ = direct_args({spec.stride, spec.padding}, DirectConvPass::kForward, {1, w.size(1), spec.height, spec.width},
                        weight);
  is_direct_ = direct_conv_pays(direct_);
  if (!is_direct_) {
    weight_ = onednn_weight(spec, weight);
    return;
  }
  weight_ = at::empty({direct_conv_weight_words(direct_.conv, direct_.type)}, at::kInt);
  pack(direct_, weight, reinterpret_cast<ConvWord*>(weight_.mutable_data_ptr<std::int32_t>()));
}

at::Tensor PackedConv::run(const at::Tensor& x, const Residual& residual, bool keep_nan) const {
  check(x.scalar_type() == type_, "convolution: expected images in {}, got {}", c10::toString(type_),
        c10::toString(x.scalar_type()));
  if (type_ == bias_.scalar_type()) return run_packed(x, residual, keep_nan);
  check(!residual.value.defined() || residual.value.scalar_type() == type_,
        "convolution: the residual must be of the images' type");
  const at::Tensor y = run_packed(widened(x), {widened(residual.value), residual.value.defined()}, keep_nan);
  return residual.overwrites ? residual.value.copy_(y) : y.to(type_);
}

at::Tensor PackedConv::run_packed(const at::Tensor& x, const Residual& residual, bool keep_nan) const {
  if (is_direct_) return run_direct(x, residual);
  at::Tensor y = run_onednn(x, residual, spec_.relu && !keep_nan);
  return spec_.relu && keep_nan ? y.relu_() : y;
}

at::Tensor PackedConv::run_direct(const at::Tensor& x, const Residual& residual) const {
  DirectConvArgs args = direct_;
  const ConvSizes& conv = direct_.conv;
  const Ints y_sizes{x.size(0), conv.filters, conv.out_height, conv.out_width};
  check(x.sizes().slice(1) == at::IntArrayRef({conv.channels, conv.height, conv.width}),
        "convolution: expected images of {} x {} x {}", conv.channels, conv.height, conv.width);
  check(!residual.value.defined() || (residual.value.sizes() == y_sizes && residual.value.is_contiguous(kLayout) &&
                                      residual.value.scalar_type() == x.scalar_type()),
        "convolution: the residual must be channels-last, like the result");
  args.conv.num_images = x.size(0);
  const at::Tensor y = residual.overwrites ? residual.value : at::empty(y_sizes, x.options(), kLayout);
  const at::Tensor image = x.contiguous(kLayout);
  args.from = image.const_data_ptr();
  args.weights = reinterpret_cast<const ConvWord*>(weight_.const_data_ptr<std::int32_t>());
  args.bias = bias_.const_data_ptr();
  if (residual.value.defined()) args.other = residual.value.const_data_ptr();
  args.relu = spec_.relu;
  args.to = y.mutable_data_ptr();
  direct_conv_cpu(args);
  return y;
}

at::Tensor PackedConv::run_onednn(const at::Tensor& x, const Residual& residual, bool relu) const {
  if (!residual.value.defined()) return onednn_conv(spec_, x, weight_, bias_, relu);
  const at::Tensor sum = residual.overwrites ? residual.value : residual.value.clone();
  return onednn_conv_add(spec_, x, sum, weight_, bias_, relu);
}

}  // namespace thalweg
