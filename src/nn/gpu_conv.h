// Convolutions of tensors on a GPU through the plans of kernels/conv_plan.h. Each function replaces a call of
// at::convolution or at::convolution_backward; the difference is that its plan is chosen once and kept.
//
// All tensors are of one type (float32, float16, bfloat16) and on the plans' GPU; results are channels-last. Tensors
// that are not channels-last, or not aligned to 16 bytes, are copied first. Output and workspace come from LibTorch's
// allocator and the work goes to LibTorch's current stream, so a call may be captured into a CUDA graph. Each
// convolution must then have run once before: building (or timing) a plan is not possible in a capture and throws
// Error.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "kernels/conv_plan.h"

namespace thalweg {

struct GpuConv {
  ConvPlans& plans;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
};

// at::convolution(x, w, bias, ...): x [N, C, H, W], w [K, C, R, S], bias [K] or undefined; returns [N, K, P, Q].
at::Tensor conv_forward(const GpuConv& conv, const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias = {});

// Returns max(conv(x, w) + residual + bias, 0); the residual is [N, K, P, Q] or undefined. It may turn NaN into 0: if
// an overflow must be visible, use conv_forward and a separate ReLU, which keep NaN.
at::Tensor conv_relu(const GpuConv& conv, const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias,
                     const at::Tensor& residual = {});

// at::convolution_backward with the output masks {true, false, false} and {false, true, false}: the gradients with
// respect to x [N, C, H, W] and w [K, C, R, S], given that with respect to the output, dy [N, K, P, Q].
at::Tensor conv_input_gradient(const GpuConv& conv, const at::Tensor& dy, const at::Tensor& w, at::IntArrayRef x_sizes);
// Writes to `dw`, of any type and layout; without a copy if it is of dy's type, channels-last and aligned.
void conv_weight_gradient(const GpuConv& conv, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& dw);

}  // namespace thalweg
