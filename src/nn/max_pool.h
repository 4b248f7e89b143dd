// Max pooling for evaluation by kernels/pool.h.
#pragma once

#include <ATen/core/Tensor.h>

namespace thalweg {

// x [N, C, H, W], channels-last, float32, bfloat16 or float16; windows of kernel x kernel, no padding. Channels-last.
at::Tensor max_pool(const at::Tensor& x, int kernel, int stride);

}  // namespace thalweg
