// Formulas: kernels/norm.h; threads: norm_threads.cuh. Memory traffic: x is read three times, the second time from L2.
#include "kernels/norm_threads.cuh"

namespace thalweg {
namespace {

using namespace norm_threads;

template <typename T, int V>
__global__ void norm_moments_kernel(NormForwardArgs args) {
  const NormShape& shape = args.shape;
  const Share share = my_share<V>(shape, shape.rows, kNormRows);
  float mean[V] = {}, m2[V] = {};
  if (share.active) {
    for (std::int64_t m = share.begin + threadIdx.y; m < share.end; m += blockDim.y) {
      const auto x = load<T, V>(args.x, m * shape.channels + share.channel);
      for (int v = 0; v < V; ++v) mean[v] += to_float(x.v[v]);
    }
  }
  add_rows(mean);
  for (int v = 0; v < V; ++v) mean[v] /= static_cast<float>(share.end - share.begin);
  if (share.active) {
    for (std::int64_t m = share.begin + threadIdx.y; m < share.end; m += blockDim.y) {
      const auto x = load<T, V>(args.x, m * shape.channels + share.channel);
      for (int v = 0; v < V; ++v) m2[v] += (to_float(x.v[v]) - mean[v]) * (to_float(x.v[v]) - mean[v]);
    }
  }
  add_rows(m2);
  save_partial(args.partial, shape, share, mean, m2);
}

__device__ double chunk_rows(const NormShape& shape, std::int64_t k) {
  const std::int64_t left = shape.rows - k * kNormRows;
  return static_cast<double>(left < kNormRows ? left : kNormRows);
}

__global__ void __launch_bounds__(Tuning::kTotalChannels* Tuning::kTotalThreads)
    norm_finish_moments_kernel(NormForwardArgs args) {
  const NormShape& shape = args.shape;
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * Tuning::kTotalChannels + threadIdx.x;
  const bool active = c < shape.channels;
  const std::int64_t chunks = shape.num_chunks();
  double sum = 0;
  for (std::int64_t k = threadIdx.y; active && k < chunks; k += Tuning::kTotalThreads) {
    sum += static_cast<double>(args.partial[k * 2 * shape.channels + c]) * chunk_rows(shape, k);
  }
  const double mean = add_threads(sum) / static_cast<double>(shape.rows);
  double m2 = 0;
  for (std::int64_t k = threadIdx.y; active && k < chunks; k += Tuning::kTotalThreads) {
    const float* partial = args.partial + k * 2 * shape.channels + c;
    const double d = static_cast<double>(partial[0]) - mean;
    m2 += static_cast<double>(partial[shape.channels]) + d * d * chunk_rows(shape, k);
  }
  m2 = add_threads(m2);
  if (threadIdx.y == 0 && active) finish_moments(args, c, mean, m2);
}

template <typename T, int V>
__global__ void norm_apply_kernel(NormForwardArgs args) {
  const NormShape& shape = args.shape;
  const Share share = my_share<V>(shape, shape.rows, Tuning::kRows * blockDim.y);
  if (!share.active) return;
  std::int64_t m = share.begin + threadIdx.y;
  const Rows<T, V> xs(args.x, shape, share, m);
  const auto others = args.other ? Rows<T, V>(args.other, shape, share, m) : xs;
  const Channels<V> channels(args, share);
  for (int r = 0; r < Tuning::kRows && m < share.end; ++r, m += blockDim.y) {
    float y[V];
    for (int v = 0; v < V; ++v) {
      y[v] = normalised(channels, to_float(xs.row[r].v[v]), v) + (args.other ? to_float(others.row[r].v[v]) : 0.0f);
      if (shape.relu && y[v] < 0.0f) y[v] = 0.0f;
    }
    save<T, V>(args.y, m * shape.channels + share.channel, y);
  }
}

template <typename T, int V>
__global__ void norm_apply_pooled_kernel(NormForwardArgs args) {
  const NormShape& shape = args.shape;
  const Share share = my_share<V>(shape, shape.pooled_rows(), blockDim.y);
  const std::int64_t p = share.begin + threadIdx.y;
  if (!share.active || p >= share.end) return;
  const Window<T, V> window(shape, args.x, p, share.channel);
  const Channels<V> channels(args, share);
  float y[V];
  for (int v = 0; v < V; ++v) {
    y[v] = window.take(channels, v).value;
    if (y[v] < 0.0f) y[v] = 0.0f;
  }
  save<T, V>(args.y, p * shape.channels + share.channel, y);
}

template <typename T, int V>
void forward(const NormForwardArgs& args, cudaStream_t stream) {
  launch("norm_moments", norm_moments_kernel<T, V>, partial_geometry(args.shape, V), stream, args);
  launch("norm_finish_moments", norm_finish_moments_kernel, total_geometry(args.shape), stream, args);
  const bool pooled = args.shape.pool_width > 0;
  launch("norm_apply", pooled ? norm_apply_pooled_kernel<T, V> : norm_apply_kernel<T, V>,
         element_geometry(args.shape, V), stream, args);
}

// Uses packs of 16 bytes if the number of channels and the alignment of the parameters allow it.
template <typename T>
void dispatch(const NormForwardArgs& args, cudaStream_t stream) {
  constexpr int kPack = 16 / sizeof(T);
  const bool packs = args.shape.channels % kPack == 0 && aligned({args.mean, args.invstd, args.weight, args.bias});
  packs ? forward<T, kPack>(args, stream) : forward<T, 1>(args, stream);
}

}  // namespace

void norm_forward_cuda(const NormForwardArgs& args, cudaStream_t stream) {
  with_type(args.shape.type, [&](auto type) { dispatch<decltype(type)>(args, stream); });
}

}  // namespace thalweg
