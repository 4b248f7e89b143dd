// Formulas: kernels/norm.h. Three launches each way: partial sums of a chunk of rows, their total, and the elementwise
// rest. A thread holds V neighbouring channels (one load of up to 16 bytes); kWidth neighbouring threads hold
// neighbouring channels, a whole line of memory, and the next ones the next row. A block no wider has few parameters to
// load, and the last layers' few rows still make many blocks. Partial sums: a block takes one chunk and kWidth packs of
// channels, its rows dealt to the threads of the second dimension, then a tree over them. Totals: a block takes
// kTotalChannels, the chunks dealt to kTotalThreads, then a tree. All orders are functions of the shape, and of whether
// the parameters lie at multiples of 16 bytes.
// Bytes: x is read three times forward (the second time from L2), x and dy twice backward, and y with an add. With a
// pool a thread holds V channels of a pooled pixel and reads the four pixels under it; a chunk is the pooled pixels of
// kNormRows rows.
#include <algorithm>
#include <initializer_list>

#include "kernels/launch.cuh"
#include "kernels/norm.h"
#include "kernels/pack.cuh"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kThreads = 256;       // of partial sums and the elementwise step
  static constexpr unsigned kWidth = 8;      // packs of channels of a block: whole lines of 128 bytes
  static constexpr int kRows = 4;            // that a thread loads before it works on the first
  static constexpr int kGradientRows = 2;    // the same beside all parameters: room for two blocks on a multiprocessor
  static constexpr int kTotalChannels = 8;   // of a block of totals: 32 bytes, the least that memory gives
  static constexpr int kTotalThreads = 128;  // for each channel
};

// Adds a[V] over the threads of the block's second dimension; every row gets the total. Neighbouring threads use
// neighbouring banks of shared memory, and a level reads all that it needs before it writes.
template <int V>
__device__ void add_rows(float (&a)[V]) {
  __shared__ float shared[V][Tuning::kThreads];
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  __syncthreads();  // of an earlier use
  for (int v = 0; v < V; ++v) shared[v][thread] = a[v];
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) {
      for (int v = 0; v < V; ++v) a[v] += shared[v][thread + half * blockDim.x];
      for (int v = 0; v < V; ++v) shared[v][thread] = a[v];
    }
  }
  __syncthreads();
  for (int v = 0; v < V; ++v) a[v] = shared[v][threadIdx.x];
}

// The rows (or pooled pixels) of a chunk and the channels that a thread of a partial sum holds.
struct Share {
  std::int64_t begin, end;
  std::int64_t channel;
  bool active;
};

template <int V>
__device__ Share my_share(const NormShape& shape, std::int64_t rows, std::int64_t chunk_rows) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * chunk_rows;
  const std::int64_t last = first + chunk_rows < rows ? first + chunk_rows : rows;
  const std::int64_t channel = (static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x) * V;
  return {first, last, channel, channel < shape.channels};
}

// V channels of kCount of a thread's rows, from its row `m` on; zeros beyond its share. Nothing is stored between its
// loads, which would otherwise wait for it: the compiler must think of all memory as the same.
template <typename T, int V, int kCount = Tuning::kRows>
struct Rows {
  Pack<T, V> row[kCount] = {};

  __device__ Rows(const void* data, const NormShape& shape, const Share& share, std::int64_t m) {
    for (int r = 0; r < kCount; ++r, m += blockDim.y) {
      if (m < share.end) row[r] = load<T, V>(data, m * shape.channels + share.channel);
    }
  }
};

// V floats from a multiple of 16 bytes on (of 4, if there is one).
template <int V>
__device__ void load_floats(float (&to)[V], const float* from) {
  constexpr int kPart = V < 4 ? V : 4;
  for (int begin = 0; begin < V; begin += kPart) {
    const auto part = load<float, kPart>(from, begin);
    for (int v = 0; v < kPart; ++v) to[begin + v] = part.v[v];
  }
}

// V channels of the arguments, loaded once for all of a thread's rows. Stands in for the arguments in the formulas of
// norm.h, where `c` then counts from the first of these channels.
template <int V>
struct Channels {
  float mean[V], invstd[V], weight[V], bias[V];

  template <typename Args>
  __device__ Channels(const Args& args, const Share& share) {
    load_floats(mean, args.mean + share.channel);
    load_floats(invstd, args.invstd + share.channel);
    load_floats(weight, args.weight + share.channel);
    load_floats(bias, args.bias + share.channel);
  }
};

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

template <int V>
__device__ void save_partial(float* partial, const NormShape& shape, const Share& share, const float (&first)[V],
                             const float (&second)[V]) {
  if (threadIdx.y != 0 || !share.active) return;
  float* row = partial + static_cast<std::int64_t>(blockIdx.x) * 2 * shape.channels + share.channel;
  for (int v = 0; v < V; ++v) {
    row[v] = first[v];
    row[shape.channels + v] = second[v];
  }
}

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

// The four pixels under a pooled one, V channels from `channel` on.
template <typename T, int V>
struct Window {
  std::int64_t at[4];  // elements of [M, C]
  Pack<T, V> x[4];

  __device__ Window(const NormShape& shape, const void* data, std::int64_t pooled, std::int64_t channel) {
    const std::int64_t row = shape.window_row(pooled);
    const std::int64_t rows[4] = {row, row + 1, row + shape.pool_width, row + shape.pool_width + 1};
    for (int k = 0; k < 4; ++k) {
      at[k] = rows[k] * shape.channels + channel;
      x[k] = load<T, V>(data, at[k]);
    }
  }

  // The pixel that the pool takes of channel `v`, its value, and that normalised. (Looked up by the pixel later,
  // the window would have to lie in memory.)
  struct Taken {
    int pixel;
    float x, value;
  };
  __device__ Taken take(const Channels<V>& channels, int v) const {
    Taken best{0, to_float(x[0].v[v]), normalised(channels, to_float(x[0].v[v]), v)};
    for (int k = 1; k < 4; ++k) {
      const float value = normalised(channels, to_float(x[k].v[v]), v);
      if (is_larger(value, best.value)) best = {k, to_float(x[k].v[v]), value};
    }
    return best;
  }
};

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

// Adds `value` over the threads of the second dimension; every thread gets the total.
__device__ double add_threads(double value) {
  __shared__ double shared[Tuning::kTotalThreads][Tuning::kTotalChannels];
  __syncthreads();
  shared[threadIdx.y][threadIdx.x] = value;
  for (unsigned half = Tuning::kTotalThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) shared[threadIdx.y][threadIdx.x] = value += shared[threadIdx.y + half][threadIdx.x];
  }
  __syncthreads();
  return shared[0][threadIdx.x];
}

__device__ double chunk_rows(const NormShape& shape, std::int64_t k) {
  const std::int64_t left = shape.rows - k * kNormRows;
  return static_cast<double>(left < kNormRows ? left : kNormRows);
}

__global__ void norm_finish_moments_kernel(NormForwardArgs args) {
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

__global__ void norm_finish_sums_kernel(NormBackwardArgs args) {
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

// As many packs of channels wide as there are, up to kWidth; the rest of the threads for rows.
dim3 block_of(const NormShape& shape, int pack) {
  unsigned width = 1;
  while (width < Tuning::kWidth && static_cast<std::int64_t>(width) * pack < shape.channels) width *= 2;
  return {width, Tuning::kThreads / width};
}

Geometry partial_geometry(const NormShape& shape, int pack) {
  const dim3 block = block_of(shape, pack);
  return {dim3(static_cast<unsigned>(shape.num_chunks()), ceil_divide(shape.channels, block.x * pack)), block};
}

Geometry total_geometry(const NormShape& shape) {
  return {dim3(ceil_divide(shape.channels, Tuning::kTotalChannels)),
          dim3(Tuning::kTotalChannels, Tuning::kTotalThreads)};
}

// A thread takes kRows rows, or one window of a pool.
Geometry element_geometry(const NormShape& shape, int pack) {
  const dim3 block = block_of(shape, pack);
  const unsigned row_blocks = shape.pool_width > 0 ? ceil_divide(shape.pooled_rows(), block.y)
                                                   : ceil_divide(shape.rows, Tuning::kRows * block.y);
  return {dim3(row_blocks, ceil_divide(shape.channels, block.x * pack)), block};
}

template <typename T, int V>
void forward(const NormForwardArgs& args, cudaStream_t stream) {
  launch("norm_moments", norm_moments_kernel<T, V>, partial_geometry(args.shape, V), stream, args);
  launch("norm_finish_moments", norm_finish_moments_kernel, total_geometry(args.shape), stream, args);
  const bool pooled = args.shape.pool_width > 0;
  launch("norm_apply", pooled ? norm_apply_pooled_kernel<T, V> : norm_apply_kernel<T, V>,
         element_geometry(args.shape, V), stream, args);
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

// Whether load_floats can read them in packs.
bool aligned(std::initializer_list<const float*> channels) {
  return std::all_of(channels.begin(), channels.end(),
                     [](const float* values) { return reinterpret_cast<std::uintptr_t>(values) % 16 == 0; });
}

// Packs of 16 bytes where the channels allow it.
template <typename T>
void dispatch(const NormForwardArgs& args, cudaStream_t stream) {
  constexpr int kPack = 16 / sizeof(T);
  const bool packs = args.shape.channels % kPack == 0 && aligned({args.mean, args.invstd, args.weight, args.bias});
  packs ? forward<T, kPack>(args, stream) : forward<T, 1>(args, stream);
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

template <typename Args>
void dispatch_type(const Args& args, cudaStream_t stream) {
  switch (args.shape.type) {
    case ActivationType::kFloat32:
      return dispatch<float>(args, stream);
    case ActivationType::kBFloat16:
      return dispatch<BFloat16>(args, stream);
    case ActivationType::kFloat16:
      return dispatch<Float16>(args, stream);
  }
}

}  // namespace

void norm_forward_cuda(const NormForwardArgs& args, cudaStream_t stream) {
  dispatch_type(args, stream);
}

void norm_backward_cuda(const NormBackwardArgs& args, cudaStream_t stream) {
  dispatch_type(args, stream);
}

}  // namespace thalweg
