// Formulas: kernels/norm.h; threads: norm_threads.cuh. Memory traffic: x and dy are read twice, as is y with an add.
#include "kernels/norm_threads.cuh"

namespace thalweg {
namespace {

using namespace norm_threads;

template <int V>
struct GradientChannels : Channels<V> {
  NormShape shape;
  float dweight[V], dbias[V];

  __device__ GradientChannels(const NormBackwardArgs& args, const Share& share)
      : Channels<V>(args, share), shape(args.shape) {
    load_floats(dweight, args.dweight + share.channel);
    load_floats(dbias, args.dbias + share.channel);
  }
};

template <typename T, int V, ReluMask kMask>
__global__ void norm_gradient_sums_kernel(NormBackwardArgs args) {
  const NormShape& shape = args.shape;
  const Share share = my_share<V>(shape, shape.rows, kNormRows);
  float sum[V] = {}, dot[V] = {};
  if (share.active) {
    const Channels<V> channels(args, share);
    for (std::int64_t m = share.begin + threadIdx.y; m < share.end;) {
      const Rows<T, V> xs(args.x, shape, share, m), dys(args.dy, shape, share, m);
      const auto ys = kMask == ReluMask::kRead ? Rows<T, V>(args.y, shape, share, m) : dys;
      for (int r = 0; r < Tuning::kRows && m < share.end; ++r, m += blockDim.y) {
        for (int v = 0; v < V; ++v) {
          const float x = to_float(xs.row[r].v[v]);
          const float g = masked<kMask>(channels, x, to_float(ys.row[r].v[v]), to_float(dys.row[r].v[v]), v);
          sum[v] += g;
          dot[v] += g * (x - channels.mean[v]);
        }
      }
    }
    for (int v = 0; v < V; ++v) dot[v] *= channels.invstd[v];
  }
  add_rows(sum);
  add_rows(dot);
  save_partial(args.partial, shape, share, sum, dot);
}

template <typename T, int V>
__global__ void norm_pooled_sums_kernel(NormBackwardArgs args) {
  const NormShape& shape = args.shape;
  const Share share = my_share<V>(shape, shape.pooled_rows(), kNormRows / 4);
  float sum[V] = {}, dot[V] = {};
  if (share.active) {
    const Channels<V> channels(args, share);
    for (std::int64_t p = share.begin + threadIdx.y; p < share.end; p += blockDim.y) {
      const Window<T, V> window(shape, args.x, p, share.channel);
      const auto dy = load<T, V>(args.dy, p * shape.channels + share.channel);
      for (int v = 0; v < V; ++v) {
        const auto taken = window.take(channels, v);
        const float g = relu_gradient(taken.value, to_float(dy.v[v]));
        sum[v] += g;
        dot[v] += g * (taken.x - channels.mean[v]);
      }
    }
    for (int v = 0; v < V; ++v) dot[v] *= channels.invstd[v];
  }
  add_rows(sum);
  add_rows(dot);
  save_partial(args.partial, shape, share, sum, dot);
}

__global__ void __launch_bounds__(Tuning::kTotalChannels* Tuning::kTotalThreads)
    norm_finish_sums_kernel(NormBackwardArgs args) {
  const NormShape& shape = args.shape;
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * Tuning::kTotalChannels + threadIdx.x;
  const bool active = c < shape.channels;
  double sum = 0, dot = 0;
  for (std::int64_t k = threadIdx.y; active && k < shape.num_chunks(); k += Tuning::kTotalThreads) {
    const float* partial = args.partial + k * 2 * shape.channels + c;
    sum += static_cast<double>(partial[0]);
    dot += static_cast<double>(partial[shape.channels]);
  }
  sum = add_threads(sum);
  dot = add_threads(dot);
  if (threadIdx.y != 0 || !active) return;
  args.dbias[c] = static_cast<float>(sum);
  args.dweight[c] = static_cast<float>(dot);
}

template <typename T, int V>
__global__ void norm_pooled_gradient_kernel(NormBackwardArgs args) {
  const NormShape& shape = args.shape;
  const Share share = my_share<V>(shape, shape.pooled_rows(), blockDim.y);
  const std::int64_t p = share.begin + threadIdx.y;
  if (!share.active || p >= share.end) return;
  const Window<T, V> window(shape, args.x, p, share.channel);
  const auto dy = load<T, V>(args.dy, p * shape.channels + share.channel);
  const GradientChannels<V> channels(args, share);
  float dx[4][V];
  for (int v = 0; v < V; ++v) {
    const auto taken = window.take(channels, v);
    const float g = relu_gradient(taken.value, to_float(dy.v[v]));
    for (int k = 0; k < 4; ++k) {
      dx[k][v] = input_gradient(channels, to_float(window.x[k].v[v]), k == taken.pixel ? g : 0.0f, v);
    }
  }
  for (int k = 0; k < 4; ++k) save<T, V>(args.dx, window.at[k], dx[k]);
}

template <typename T, int V, ReluMask kMask>
__global__ void norm_gradient_kernel(NormBackwardArgs args) {
  using Batch = Rows<T, V, Tuning::kGradientRows>;
  const NormShape& shape = args.shape;
  const Share share = my_share<V>(shape, shape.rows, Tuning::kRows * blockDim.y);
  if (!share.active) return;
  const GradientChannels<V> channels(args, share);
  for (std::int64_t m = share.begin + threadIdx.y; m < share.end;) {
    const Batch xs(args.x, shape, share, m), dys(args.dy, shape, share, m);
    const auto ys = kMask == ReluMask::kRead ? Batch(args.y, shape, share, m) : dys;
    for (int r = 0; r < Tuning::kGradientRows && m < share.end; ++r, m += blockDim.y) {
      float g[V], dx[V];
      for (int v = 0; v < V; ++v) {
        const float x = to_float(xs.row[r].v[v]);
        g[v] = masked<kMask>(channels, x, to_float(ys.row[r].v[v]), to_float(dys.row[r].v[v]), v);
        dx[v] = input_gradient(channels, x, g[v], v);
      }
      const std::int64_t i = m * shape.channels + share.channel;
      if (args.dother) save<T, V>(args.dother, i, g);
      save<T, V>(args.dx, i, dx);
    }
  }
}

template <typename T, int V, ReluMask kMask>
void backward(const NormBackwardArgs& args, cudaStream_t stream) {
  launch("norm_gradient_sums", norm_gradient_sums_kernel<T, V, kMask>, partial_geometry(args.shape, V), stream, args);
  launch("norm_finish_sums", norm_finish_sums_kernel, total_geometry(args.shape), stream, args);
  launch("norm_gradient", norm_gradient_kernel<T, V, kMask>, element_geometry(args.shape, V), stream, args);
}

template <typename T, int V>
void pooled_backward(const NormBackwardArgs& args, cudaStream_t stream) {
  launch("norm_pooled_sums", norm_pooled_sums_kernel<T, V>, partial_geometry(args.shape, V), stream, args);
  launch("norm_finish_sums", norm_finish_sums_kernel, total_geometry(args.shape), stream, args);
  launch("norm_pooled_gradient", norm_pooled_gradient_kernel<T, V>, element_geometry(args.shape, V), stream, args);
}

template <typename T, int V>
void dispatch_mask(const NormBackwardArgs& args, cudaStream_t stream) {
  if (args.shape.pool_width > 0) return pooled_backward<T, V>(args, stream);
  if (!args.shape.relu) return backward<T, V, ReluMask::kNone>(args, stream);
  args.y ? backward<T, V, ReluMask::kRead>(args, stream) : backward<T, V, ReluMask::kComputed>(args, stream);
}

template <typename T>
void dispatch(const NormBackwardArgs& args, cudaStream_t stream) {
  constexpr int kPack = 16 / sizeof(T);
  const bool packs = args.shape.channels % kPack == 0 &&
                     aligned({args.mean, args.invstd, args.weight, args.bias, args.dweight, args.dbias});
  packs ? dispatch_mask<T, kPack>(args, stream) : dispatch_mask<T, 1>(args, stream);
}

}  // namespace

void norm_backward_cuda(const NormBackwardArgs& args, cudaStream_t stream) {
  with_type(args.shape.type, [&](auto type) { dispatch<decltype(type)>(args, stream); });
}

}  // namespace thalweg
