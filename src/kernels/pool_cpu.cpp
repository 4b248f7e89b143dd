#include <ATen/Parallel.h>

#include "kernels/pool.h"

namespace thalweg {
namespace {

template <typename T>
void pool_pixels(const PoolArgs& args, std::int64_t begin, std::int64_t end) {
  const T* x = static_cast<const T*>(args.x);
  T* y = static_cast<T*>(args.y);
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    for (std::int64_t c = 0; c < args.channels; ++c) {
      const T* window = x + args.window(pixel) + c;
      float best = to_float(window[0]);
      for (int i = 0; i < args.kernel; ++i) {
        for (int j = 0; j < args.kernel; ++j)
          best = larger(best, to_float(window[(i * args.width + j) * args.channels]));
      }
      store(y[pixel * args.channels + c], best);
    }
  }
}

}  // namespace

void max_pool_cpu(const PoolArgs& args) {
  const auto pool = args.type == ActivationType::kFloat32    ? pool_pixels<float>
                    : args.type == ActivationType::kBFloat16 ? pool_pixels<BFloat16>
                                                             : pool_pixels<Float16>;
  at::parallel_for(0, args.n * args.out_height() * args.out_width(), 256,
                   [&](std::int64_t begin, std::int64_t end) { pool(args, begin, end); });
}

}  // namespace thalweg
