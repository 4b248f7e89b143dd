// Max pooling for evaluation, on kernels/pool.h.
#pragma once

#include <ATen/core/Tensor.h>

namespace thalweg {

// `x` is [N, C, H, W], channels-last, of float32, bfloat16 or float16; windows are kernel x kernel, without padding.
// The result is channels-last.
at::Tensor max_pool(const at::Tensor& x, int kernel, int stride);

}  // namespace thalweg
