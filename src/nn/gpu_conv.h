// Convolutions of tensors on a GPU by the plans of kernels/conv_plan.h. Each function takes the place of a call of
// at::convolution or at::convolution_backward, and differs in that its plan is chosen once and stays.
//
// All tensors are of one type (float32, float16, bfloat16) and on the plans' GPU; results are channels-last. Tensors
// that are not channels-last, or not aligned to 16 bytes, are copied first. Output and workspace come from LibTorch's
// allocator and the work goes to LibTorch's current stream, so a call may be captured into a CUDA graph; but run each
// convolution once before, since building (and timing) a plan cannot be: then it throws.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/conv_plan.h"

namespace thalweg {

struct GpuConv {
  ConvPlans& plans;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
};

// at::convolution(x, w, bias, ...): x [N, C, H, W], w [K, C, R, S], bias [K] or undefined; [N, K, P, Q].
at::Tensor conv_forward(const GpuConv& conv, const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias = {});

// max(conv(x, w) + residual + bias, 0), the residual [N, K, P, Q] or undefined. It may turn NaN into 0: where an
// overflow is to be seen, conv_forward and a ReLU of its own keep it.
at::Tensor conv_relu(const GpuConv& conv, const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias,
                     const at::Tensor& residual = {});

// What at::convolution_backward gives for the output masks {true, false, false} and {false, true, false}: the gradients
// by x [N, C, H, W] and by w [K, C, R, S] from that by the output, dy [N, K, P, Q].
at::Tensor conv_input_gradient(const GpuConv& conv, const at::Tensor& dy, const at::Tensor& w, at::IntArrayRef x_sizes);
// Written to `dw`, of any type and layout: without a copy where it is of dy's type, channels-last and aligned.
void conv_weight_gradient(const GpuConv& conv, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& dw);

}  // namespace thalweg
