// Shared by the batch-norm kernels (norm_forward.cu, norm_backward.cu): how work is distributed over threads, and the
// reductions. Each pass takes three launches: partial sums of a chunk of rows, their totals, and the elementwise rest.
// A thread holds V adjacent channels (one load of up to 16 bytes); kWidth adjacent threads hold adjacent channels, a
// whole line of memory, and the next kWidth threads the next row. A block no wider than this has few parameters to
// load, and the few rows of the last layers still make many blocks. Partial sums: a block takes one chunk and kWidth
// packs of channels; the rows are distributed over the threads of the second dimension and reduced by a tree. Totals: a
// block takes kTotalChannels; the chunks are distributed over kTotalThreads and reduced by a tree. All orders of
// summation are functions of the shape and of whether the parameters are aligned to 16 bytes. With a pool, a thread
// holds V channels of a pooled pixel and reads the four pixels under it; a chunk is the pooled pixels of kNormRows
// rows.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "kernels/launch.cuh"
#include "kernels/norm.h"
#include "kernels/pack.cuh"

namespace thalweg::norm_threads {

struct Tuning {
  static constexpr int kThreads = 256;       // per block, for partial sums and the elementwise step
  static constexpr unsigned kWidth = 8;      // packs of channels per block: whole lines of 128 bytes
  static constexpr int kRows = 4;            // rows that a thread loads before it processes the first
  static constexpr int kGradientRows = 2;    // the same beside all parameters: two blocks fit on a multiprocessor
  static constexpr int kTotalChannels = 8;   // per block of totals: 32 bytes, the smallest memory access
  static constexpr int kTotalThreads = 128;  // threads per channel of totals
};

// Adds a[V] over the threads of the block's second dimension; every row of threads gets the total. Adjacent threads use
// adjacent banks of shared memory, and each level of the tree reads everything it needs before it writes.
template <int V>
__device__ void add_rows(float (&a)[V]) {
  __shared__ float shared[V][Tuning::kThreads];
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  __syncthreads();  // wait for an earlier use of `shared`
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

// The rows (or pooled pixels) of a block's chunk, and the first of the thread's channels, if it has any (`active`).
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

// V channels of kCount of a thread's rows, from row `m` on; zeros beyond its share. Nothing is stored between the
// loads: the compiler must assume that all memory aliases, so they would wait for the store.
template <typename T, int V, int kCount = Tuning::kRows>
struct Rows {
  Pack<T, V> row[kCount] = {};

  __device__ Rows(const void* data, const NormShape& shape, const Share& share, std::int64_t m) {
    for (int r = 0; r < kCount; ++r, m += blockDim.y) {
      if (m < share.end) row[r] = load<T, V>(data, m * shape.channels + share.channel);
    }
  }
};

// Loads V floats from an address aligned to 16 bytes (4 if V is 1).
template <int V>
__device__ void load_floats(float (&to)[V], const float* from) {
  constexpr int kPart = V < 4 ? V : 4;
  for (int begin = 0; begin < V; begin += kPart) {
    const auto part = load<float, kPart>(from, begin);
    for (int v = 0; v < kPart; ++v) to[begin + v] = part.v[v];
  }
}

// V channels of the arguments, loaded once for all of a thread's rows. Stands in for the arguments in the formulas of
// norm.h; `c` then counts from the first of these channels.
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
__device__ void save_partial(float* partial, const NormShape& shape, const Share& share, const float (&first)[V],
                             const float (&second)[V]) {
  if (threadIdx.y != 0 || !share.active) return;
  float* row = partial + static_cast<std::int64_t>(blockIdx.x) * 2 * shape.channels + share.channel;
  for (int v = 0; v < V; ++v) {
    row[v] = first[v];
    row[shape.channels + v] = second[v];
  }
}

// V channels, from `channel` on, of the four pixels under a pooled one.
template <typename T, int V>
struct Window {
  std::int64_t at[4];  // indices of elements of [M, C]
  Pack<T, V> x[4];

  __device__ Window(const NormShape& shape, const void* data, std::int64_t pooled, std::int64_t channel) {
    const std::int64_t row = shape.window_row(pooled);
    const std::int64_t rows[4] = {row, row + 1, row + shape.pool_width, row + shape.pool_width + 1};
    for (int k = 0; k < 4; ++k) {
      at[k] = rows[k] * shape.channels + channel;
      x[k] = load<T, V>(data, at[k]);
    }
  }

  // The pixel that the pool selects in channel `v`, its value and its normalised value. (Looking the value up by the
  // pixel later would force the window into local memory.)
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

// Adds `value` over the threads of the block's second dimension; every thread gets the total.
__device__ inline double add_threads(double value) {
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

// The block is as wide as there are packs of channels, up to kWidth; the rest of the threads are for rows.
inline dim3 block_of(const NormShape& shape, int pack) {
  unsigned width = 1;
  while (width < Tuning::kWidth && static_cast<std::int64_t>(width) * pack < shape.channels) width *= 2;
  return {width, Tuning::kThreads / width};
}

inline Geometry partial_geometry(const NormShape& shape, int pack) {
  const dim3 block = block_of(shape, pack);
  return {dim3(static_cast<unsigned>(shape.num_chunks()), ceil_divide(shape.channels, block.x * pack)), block};
}

inline Geometry total_geometry(const NormShape& shape) {
  return {dim3(ceil_divide(shape.channels, Tuning::kTotalChannels)),
          dim3(Tuning::kTotalChannels, Tuning::kTotalThreads)};
}

// A thread processes kRows rows, or one window of a pool.
inline Geometry element_geometry(const NormShape& shape, int pack) {
  const dim3 block = block_of(shape, pack);
  const unsigned row_blocks = shape.pool_width > 0 ? ceil_divide(shape.pooled_rows(), block.y)
                                                   : ceil_divide(shape.rows, Tuning::kRows * block.y);
  return {dim3(row_blocks, ceil_divide(shape.channels, block.x * pack)), block};
}

// Whether all are aligned so that load_floats can read them in packs.
inline bool aligned(std::initializer_list<const float*> channels) {
  return std::all_of(channels.begin(), channels.end(),
                     [](const float* values) { return reinterpret_cast<std::uintptr_t>(values) % 16 == 0; });
}

// Calls `work` with a value of the C++ type of the activations.
template <typename F>
void with_type(ActivationType type, const F& work) {
  switch (type) {
    case ActivationType::kFloat32:
      return work(float());
    case ActivationType::kBFloat16:
      return work(BFloat16());
    case ActivationType::kFloat16:
      return work(Float16());
  }
}

}  // namespace thalweg::norm_threads
