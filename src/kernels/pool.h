// Max pooling without padding, for evaluation: keeps no indices, which in half precision take four times the memory of
// the result.
//
//   y[n, p, q, c] = max over i, j < kernel of x[n, p * stride + i, q * stride + j, c];  NaN before all, as in ATen
// Channels-last. The result is one of the values, so it is not rounded.
#pragma once

#include <cstdint>

#include "base/cuda.h"
#include "kernels/activation.h"

namespace thalweg {

struct PoolArgs {
  ActivationType type = ActivationType::kFloat32;
  const void* x = nullptr;  // [N, height, width, channels]
  void* y = nullptr;        // [N, out_height(), out_width(), channels]
  std::int64_t n = 0, height = 0, width = 0, channels = 0;
  int kernel = 2;  // at most height and width
  int stride = 2;

  THALWEG_HD std::int64_t out_height() const { return (height - kernel) / stride + 1; }
  THALWEG_HD std::int64_t out_width() const { return (width - kernel) / stride + 1; }
  // Returns the index of the element of x at the upper left, channel 0, of the window of output pixel `pixel` (of
  // [N, out_height, out_width]).
  THALWEG_HD std::int64_t window(std::int64_t pixel) const {
    const std::int64_t q = pixel % out_width(), row = pixel / out_width();
    const std::int64_t p = row % out_height(), image = row / out_height();
    return ((image * height + p * stride) * width + q * stride) * channels;
  }
};

THALWEG_HD inline float larger(float best, float value) {
  return value > best || value != value ? value : best;
}

void max_pool_cpu(const PoolArgs& args);
void max_pool_cuda(const PoolArgs& args, cudaStream_t stream);

}  // namespace thalweg
