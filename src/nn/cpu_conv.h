// Convolutions on a CPU by the faster of oneDNN and, for small images, kernels/direct_conv.h and
// kernels/weight_gradient.h. conv_forward, conv_input_gradient and conv_weight_gradient replace at::convolution and
// at::convolution_backward, and call them for tensors on another device.
//
// All tensors of a call are of one type: x [N, C, H, W], w [K, C, R, R], bias [K], y and dy [N, K, P, Q]. Results are
// channels-last; inputs that are not channels-last are copied first. Results of our own kernels do not depend on the
// number of threads.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "kernels/direct_conv.h"

namespace thalweg {

struct CpuConv {
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  at::Tensor* work = nullptr;  // int32 workspace, grown as needed and reused by later calls
};

// `bias` may be undefined.
at::Tensor conv_forward(const CpuConv& conv, const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias);
at::Tensor conv_input_gradient(const CpuConv& conv, const at::Tensor& dy, const at::Tensor& w, at::IntArrayRef x_sizes);
// Writes the gradient to `dw`, float32 [K, C, R, R].
void conv_weight_gradient(const CpuConv& conv, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& dw);

// A convolution with weights packed in advance, and with bias, residual add and ReLU in one pass.
struct PackedConvSpec {
  std::int64_t height = 0, width = 0;  // size of the image
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  bool relu = false;
};

class PackedConv {
 public:
  PackedConv() = default;
  // `w` is float32 or bfloat16. Keeps the bias tensor.
  PackedConv(const PackedConvSpec& spec, const at::Tensor& w, const at::Tensor& bias);

  struct Residual {
    at::Tensor value;         // like y, channels-last; undefined: none
    bool overwrites = false;  // the result is written in its place
  };
  // Returns conv(x) + bias + residual, after a ReLU if the spec has one. oneDNN's fused ReLU turns NaN into 0; with
  // `keep_nan`, the ReLU is a separate pass.
  at::Tensor run(const at::Tensor& x, const Residual& residual, bool keep_nan) const;

 private:
  at::Tensor run_packed(const at::Tensor& x, const Residual& residual, bool keep_nan) const;
  at::Tensor run_direct(const at::Tensor& x, const Residual& residual) const;
  at::Tensor run_onednn(const at::Tensor& x, const Residual& residual, bool relu) const;

  PackedConvSpec spec_;
  at::ScalarType type_ = at::kFloat;  // type of the images; weights and bias may be wider
  DirectConvArgs direct_;             // for one image, without pointers
  bool is_direct_ = false;
  at::Tensor weight_;  // packed
  at::Tensor bias_;
};

}  // namespace thalweg
