#include <algorithm>

#include <ATen/Parallel.h>

#include "kernels/pool.h"
#include "kernels/simd.h"

namespace thalweg {
namespace {

constexpr std::int64_t kBlock = 64;  // channels at a time: their maxima stay in registers or the L1 cache

template <typename T>
THALWEG_INLINE void pool_block(const PoolArgs& args, const T* window, std::int64_t channels, T* __restrict y) {
  float best[kBlock];
  for (std::int64_t c = 0; c < channels; ++c) best[c] = to_float(window[c]);
  for (int i = 0; i < args.kernel; ++i) {
    for (int j = 0; j < args.kernel; ++j) {
      const T* x = window + (i * args.width + j) * args.channels;
      for (std::int64_t c = 0; c < channels; ++c) best[c] = larger(best[c], to_float(x[c]));
    }
  }
  for (std::int64_t c = 0; c < channels; ++c) store(y[c], best[c]);
}

template <typename T>
THALWEG_INLINE void pool_pixels(const PoolArgs& args, std::int64_t begin, std::int64_t end) {
  const T* x = static_cast<const T*>(args.x);
  T* y = static_cast<T*>(args.y);
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const T* window = x + args.window(pixel);
    for (std::int64_t c = 0; c < args.channels; c += kBlock)
      pool_block(args, window + c, std::min(kBlock, args.channels - c), y + pixel * args.channels + c);
  }
}

THALWEG_SIMD void pool_f32(const PoolArgs& args, std::int64_t begin, std::int64_t end) {
  pool_pixels<float>(args, begin, end);
}
THALWEG_SIMD void pool_bf16(const PoolArgs& args, std::int64_t begin, std::int64_t end) {
  pool_pixels<BFloat16>(args, begin, end);
}
THALWEG_SIMD void pool_f16(const PoolArgs& args, std::int64_t begin, std::int64_t end) {
  pool_pixels<Float16>(args, begin, end);
}

}  // namespace

void max_pool_cpu(const PoolArgs& args) {
  const auto pool = args.type == ActivationType::kFloat32    ? pool_f32
                    : args.type == ActivationType::kBFloat16 ? pool_bf16
                                                             : pool_f16;
  at::parallel_for(0, args.n * args.out_height() * args.out_width(), 256,
                   [&](std::int64_t begin, std::int64_t end) { pool(args, begin, end); });
}

}  // namespace thalweg
