// Formula: kernels/pool.h. A thread takes V adjacent channels of an output pixel (16 bytes if the number of channels
// allows it), adjacent threads take adjacent channels. Reads each value of a window once: with 2x2 windows of stride 2,
// reads the input once and writes a quarter of it.
#include "kernels/launch.cuh"
#include "kernels/pack.cuh"
#include "kernels/pool.h"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kThreads = 256;
};

template <typename T, int V>
__global__ void max_pool_kernel(PoolArgs args) {
  const std::int64_t packs = args.channels / V;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= args.n * args.out_height() * args.out_width() * packs) return;
  const std::int64_t pixel = i / packs, channel = i % packs * V;
  const std::int64_t window = args.window(pixel) + channel;
  float best[V];
  for (int v = 0; v < V; ++v) best[v] = -INFINITY;
  for (int row = 0; row < args.kernel; ++row) {
    for (int column = 0; column < args.kernel; ++column) {
      const auto x = load<T, V>(args.x, window + (row * args.width + column) * args.channels);
      for (int v = 0; v < V; ++v) best[v] = larger(best[v], to_float(x.v[v]));
    }
  }
  save<T, V>(args.y, pixel * args.channels + channel, best);
}

template <typename T>
void max_pool(const PoolArgs& args, cudaStream_t stream) {
  constexpr int kPack = 16 / sizeof(T);
  const bool packed = args.channels % kPack == 0;
  const std::int64_t threads = args.n * args.out_height() * args.out_width() * args.channels / (packed ? kPack : 1);
  launch("max_pool", packed ? max_pool_kernel<T, kPack> : max_pool_kernel<T, 1>,
         {dim3(ceil_divide(threads, Tuning::kThreads)), dim3(Tuning::kThreads)}, stream, args);
}

}  // namespace

void max_pool_cuda(const PoolArgs& args, cudaStream_t stream) {
  switch (args.type) {
    case ActivationType::kFloat32:
      return max_pool<float>(args, stream);
    case ActivationType::kBFloat16:
      return max_pool<BFloat16>(args, stream);
    case ActivationType::kFloat16:
      return max_pool<Float16>(args, stream);
  }
}

}  // namespace thalweg
