// Convolutions on a CPU by whichever is the faster one: oneDNN, or on small images kernels/direct_conv.h and
// kernels/weight_gradient.h. The first three stand in for at::convolution and at::convolution_backward, and call them
// for tensors on another device.
//
// All tensors of a call are of one type, x [N, C, H, W], w [K, C, R, R], bias [K], y and dy [N, K, P, Q], and results
// are channels-last; what is not channels-last is copied first. Results do not depend on the number of threads where
// the kernels of our own ran.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "kernels/direct_conv.h"

namespace thalweg {

struct CpuConv {
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  at::Tensor* work = nullptr;  // int32, grown as needed: memory that later calls use again
};

// `bias` may be undefined.
at::Tensor conv_forward(const CpuConv& conv, const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias);
at::Tensor conv_input_gradient(const CpuConv& conv, const at::Tensor& dy, const at::Tensor& w, at::IntArrayRef x_sizes);
// Written to `dw`, float32 [K, C, R, R].
void conv_weight_gradient(const CpuConv& conv, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& dw);

// A convolution whose weights are packed once: with bias, residual add and ReLU in one pass.
struct PackedConvSpec {
  std::int64_t height = 0, width = 0;  // of the image
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  bool relu = false;
};

class PackedConv {
 public:
  PackedConv() = default;
  // float32 or bfloat16. Keeps the bias.
  PackedConv(const PackedConvSpec& spec, const at::Tensor& w, const at::Tensor& bias);

  struct Residual {
    at::Tensor value;         // like y, channels-last; undefined: none
    bool overwrites = false;  // the result takes its place
  };
  // relu(conv(x) + bias + residual). oneDNN's fused ReLU turns NaN into 0: with `keep_nan` it is a pass of its own.
  at::Tensor run(const at::Tensor& x, const Residual& residual, bool keep_nan) const;

 private:
  at::Tensor run_packed(const at::Tensor& x, const Residual& residual, bool keep_nan) const;
  at::Tensor run_direct(const at::Tensor& x, const Residual& residual) const;
  at::Tensor run_onednn(const at::Tensor& x, const Residual& residual, bool relu) const;

  PackedConvSpec spec_;
  at::ScalarType type_ = at::kFloat;  // of the images; weights and bias may be wider
  DirectConvArgs direct_;             // of one image, nothing bound
  bool is_direct_ = false;
  at::Tensor weight_;  // packed
  at::Tensor bias_;
};

}  // namespace thalweg
