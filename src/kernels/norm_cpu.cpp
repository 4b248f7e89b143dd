#include <algorithm>

#include <ATen/Parallel.h>

#include "kernels/norm_lanes.h"

namespace thalweg {
namespace {

// One chunk of rows of [M, C], as taken by each of the loops below.
struct Chunk {
  std::int64_t begin;  // first element
  std::int64_t rows;
  std::int64_t channels;
};

Chunk chunk_at(const NormShape& shape, std::int64_t k) {
  const std::int64_t first = k * kNormRows;
  return {first * shape.channels, std::min(kNormRows, shape.rows - first), shape.channels};
}

// Whether the type has loops over lanes (kernels/norm_lanes.h).
template <typename T>
constexpr bool kHasLanes = !std::is_same_v<T, Float16>;

template <typename F>
void for_each_chunk(const NormShape& shape, F work) {
  at::parallel_for(0, shape.num_chunks(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) work(k, chunk_at(shape, k));
  });
}

// Computes the chunk's mean [C] and the sum of squared deviations from it [C].
template <int kWidth, typename T>
THALWEG_INLINE void chunk_moments(const Chunk& chunk, const void* input, float* __restrict mean, float* __restrict m2) {
  const std::int64_t channels = chunk.channels;
  const T* __restrict x = static_cast<const T*>(input) + chunk.begin;
  if constexpr (kHasLanes<T>) {
    if (for_each_block<kWidth>(chunk.rows, channels, [&](const LaneBlock<kWidth>& block) THALWEG_INLINED_LAMBDA {
          lane_moments(block, chunk.rows, x, mean, m2);
        }))
      return;
  }
  for (std::int64_t c = 0; c < channels; ++c) mean[c] = m2[c] = 0;
  for (std::int64_t m = 0; m < chunk.rows; ++m) {
    for (std::int64_t c = 0; c < channels; ++c) mean[c] += to_float(x[m * channels + c]);
  }
  const float scale = 1.0f / static_cast<float>(chunk.rows);
  for (std::int64_t c = 0; c < channels; ++c) mean[c] *= scale;
  for (std::int64_t m = 0; m < chunk.rows; ++m) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float d = to_float(x[m * channels + c]) - mean[c];
      m2[c] += d * d;
    }
  }
}

template <int kWidth, typename T, bool kRelu, bool kOther>
THALWEG_INLINE void apply_chunk(const Chunk& chunk, const NormForwardArgs& args) {
  const T* x = static_cast<const T*>(args.x) + chunk.begin;
  const T* other = kOther ? static_cast<const T*>(args.other) + chunk.begin : nullptr;
  T* y = static_cast<T*>(args.y) + chunk.begin;
  if constexpr (kHasLanes<T>) {
    if (for_each_block<kWidth>(chunk.rows, chunk.channels, [&](const LaneBlock<kWidth>& block) THALWEG_INLINED_LAMBDA {
          lane_apply<kRelu, kOther>(block, args, x, other, y);
        }))
      return;
  }
  for (std::int64_t m = 0; m < chunk.rows; ++m) {
#pragma GCC ivdep
    for (std::int64_t c = 0; c < chunk.channels; ++c) {
      const std::int64_t i = m * chunk.channels + c;
      float v = normalised(args, to_float(x[i]), c);
      if constexpr (kOther) v += to_float(other[i]);
      if constexpr (kRelu) v = v < 0.0f ? 0.0f : v;
      store(y[i], v);
    }
  }
}

// For each pooled pixel of chunk `k`, calls work(index of the first element under it, index of its first element in the
// pooled image).
template <typename F>
THALWEG_INLINE void for_each_window(const NormShape& shape, std::int64_t k, F work) {
  constexpr std::int64_t kPooledRows = kNormRows / 4;
  const std::int64_t end = std::min((k + 1) * kPooledRows, shape.pooled_rows());
  for (std::int64_t p = k * kPooledRows; p < end; ++p) work(shape.window_row(p) * shape.channels, p * shape.channels);
}

template <typename T>
THALWEG_INLINE void apply_pooled_chunk(std::int64_t k, const NormForwardArgs& args) {
  const std::int64_t channels = args.shape.channels, below = args.shape.pool_width * channels;
  for_each_window(args.shape, k, [&](std::int64_t window, std::int64_t pooled) THALWEG_INLINED_LAMBDA {
    const T* x = static_cast<const T*>(args.x) + window;
    T* y = static_cast<T*>(args.y) + pooled;
#pragma GCC ivdep
    for (std::int64_t c = 0; c < channels; ++c) {
      const float v0 = normalised(args, to_float(x[c]), c);
      const float v1 = normalised(args, to_float(x[channels + c]), c);
      const float v2 = normalised(args, to_float(x[below + c]), c);
      const float v3 = normalised(args, to_float(x[below + channels + c]), c);
      const float best1 = is_larger(v1, v0) ? v1 : v0;
      const float best2 = is_larger(v2, best1) ? v2 : best1;
      const float best = is_larger(v3, best2) ? v3 : best2;
      store(y[c], best < 0.0f ? 0.0f : best);
    }
  });
}

// The gradient that reaches each of the four pixels under a pooled one, for one channel: 0 at all but the one that the
// pool selected. Computed with selects of floats only, which the compiler can vectorise.
struct WindowGradient {
  float g[4];
  float taken_x, taken_g;
};

template <typename T>
THALWEG_INLINE WindowGradient window_gradient(const NormBackwardArgs& args, const T* x, float dy, std::int64_t c) {
  const std::int64_t channels = args.shape.channels, below = args.shape.pool_width * channels;
  const float x0 = to_float(x[c]), x1 = to_float(x[channels + c]);
  const float x2 = to_float(x[below + c]), x3 = to_float(x[below + channels + c]);
  const float v0 = normalised(args, x0, c), v1 = normalised(args, x1, c);
  const float v2 = normalised(args, x2, c), v3 = normalised(args, x3, c);
  const bool second = is_larger(v1, v0);
  const float best1 = second ? v1 : v0, at1 = second ? x1 : x0;
  const bool third = is_larger(v2, best1);
  const float best2 = third ? v2 : best1, at2 = third ? x2 : at1;
  const bool fourth = is_larger(v3, best2);
  const float best3 = fourth ? v3 : best2, at3 = fourth ? x3 : at2;
  const float g = relu_gradient(best3, dy);
  const float not_fourth = fourth ? 0.0f : g;
  const float not_third = third ? 0.0f : not_fourth;
  return {{second ? 0.0f : not_third, second ? not_third : 0.0f, third ? not_fourth : 0.0f, fourth ? g : 0.0f}, at3, g};
}

template <typename T>
THALWEG_INLINE void pooled_gradient_sums(std::int64_t k, const NormBackwardArgs& args, float* __restrict sum,
                                         float* __restrict dot) {
  const std::int64_t channels = args.shape.channels;
  for (std::int64_t c = 0; c < channels; ++c) sum[c] = dot[c] = 0;
  for_each_window(args.shape, k, [&](std::int64_t window, std::int64_t pooled) THALWEG_INLINED_LAMBDA {
    const T* x = static_cast<const T*>(args.x) + window;
    const T* dy = static_cast<const T*>(args.dy) + pooled;
#pragma GCC ivdep
    for (std::int64_t c = 0; c < channels; ++c) {
      const WindowGradient gradient = window_gradient(args, x, to_float(dy[c]), c);
      sum[c] += gradient.taken_g;
      dot[c] += gradient.taken_g * (gradient.taken_x - args.mean[c]);
    }
  });
  for (std::int64_t c = 0; c < channels; ++c) dot[c] *= args.invstd[c];
}

template <typename T>
THALWEG_INLINE void pooled_gradient_chunk(std::int64_t k, const NormBackwardArgs& args) {
  const std::int64_t channels = args.shape.channels, below = args.shape.pool_width * channels;
  for_each_window(args.shape, k, [&](std::int64_t window, std::int64_t pooled) THALWEG_INLINED_LAMBDA {
    const T* x = static_cast<const T*>(args.x) + window;
    const T* dy = static_cast<const T*>(args.dy) + pooled;
    T* dx = static_cast<T*>(args.dx) + window;
#pragma GCC ivdep
    for (std::int64_t c = 0; c < channels; ++c) {
      const WindowGradient gradient = window_gradient(args, x, to_float(dy[c]), c);
      const float dx0 = input_gradient(args, to_float(x[c]), gradient.g[0], c);
      const float dx1 = input_gradient(args, to_float(x[channels + c]), gradient.g[1], c);
      const float dx2 = input_gradient(args, to_float(x[below + c]), gradient.g[2], c);
      const float dx3 = input_gradient(args, to_float(x[below + channels + c]), gradient.g[3], c);
      store(dx[c], dx0);
      store(dx[channels + c], dx1);
      store(dx[below + c], dx2);
      store(dx[below + channels + c], dx3);
    }
  });
}

// Computes sum g [C] and sum g * xhat [C].
template <int kWidth, typename T, ReluMask kMask>
THALWEG_INLINE void chunk_gradient_sums(const Chunk& chunk, const NormBackwardArgs& args, float* __restrict sum,
                                        float* __restrict dot) {
  const std::int64_t channels = chunk.channels;
  const T* __restrict x = static_cast<const T*>(args.x) + chunk.begin;
  const T* __restrict y = kMask == ReluMask::kRead ? static_cast<const T*>(args.y) + chunk.begin : nullptr;
  const T* __restrict dy = static_cast<const T*>(args.dy) + chunk.begin;
  const float* __restrict mean = args.mean;
  const float* __restrict invstd = args.invstd;
  if constexpr (kHasLanes<T>) {
    if (for_each_block<kWidth>(chunk.rows, channels, [&](const LaneBlock<kWidth>& block) THALWEG_INLINED_LAMBDA {
          lane_gradient_sums<kMask>(block, args, x, y, dy, sum, dot);
        }))
      return;
  }
  for (std::int64_t c = 0; c < channels; ++c) sum[c] = dot[c] = 0;
  for (std::int64_t m = 0; m < chunk.rows; ++m) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t i = m * channels + c;
      const float value = to_float(x[i]);
      const float out = kMask == ReluMask::kRead ? to_float(y[i]) : 0.0f;
      const float g = masked<kMask>(args, value, out, to_float(dy[i]), c);
      sum[c] += g;
      dot[c] += g * (value - mean[c]);
    }
  }
  for (std::int64_t c = 0; c < channels; ++c) dot[c] *= invstd[c];
}

template <int kWidth, typename T, ReluMask kMask, bool kOther>
THALWEG_INLINE void gradient_chunk(const Chunk& chunk, const NormBackwardArgs& args) {
  const T* x = static_cast<const T*>(args.x) + chunk.begin;
  const T* y = kMask == ReluMask::kRead ? static_cast<const T*>(args.y) + chunk.begin : nullptr;
  const T* dy = static_cast<const T*>(args.dy) + chunk.begin;
  T* dx = static_cast<T*>(args.dx) + chunk.begin;
  T* dother = kOther ? static_cast<T*>(args.dother) + chunk.begin : nullptr;
  if constexpr (kHasLanes<T>) {
    if (for_each_block<kWidth>(chunk.rows, chunk.channels, [&](const LaneBlock<kWidth>& block) THALWEG_INLINED_LAMBDA {
          lane_gradient<kMask, kOther>(block, args, x, y, dy, dx, dother);
        }))
      return;
  }
  for (std::int64_t m = 0; m < chunk.rows; ++m) {
#pragma GCC ivdep
    for (std::int64_t c = 0; c < chunk.channels; ++c) {
      const std::int64_t i = m * chunk.channels + c;
      const float value = to_float(x[i]);
      const float out = kMask == ReluMask::kRead ? to_float(y[i]) : 0.0f;
      const float g = masked<kMask>(args, value, out, to_float(dy[i]), c);
      const float d = input_gradient(args, value, g, c);
      if constexpr (kOther) store(dother[i], g);
      store(dx[i], d);
    }
  }
}

// The functions below select a loop by the flags in the arguments. `k` is the index of the chunk.
template <int kWidth, typename T>
THALWEG_INLINE void apply_any_chunk(std::int64_t k, const Chunk& chunk, const NormForwardArgs& args) {
  if (args.shape.pool_width > 0) {
    apply_pooled_chunk<T>(k, args);
  } else if (args.shape.relu) {
    args.other ? apply_chunk<kWidth, T, true, true>(chunk, args) : apply_chunk<kWidth, T, true, false>(chunk, args);
  } else {
    args.other ? apply_chunk<kWidth, T, false, true>(chunk, args) : apply_chunk<kWidth, T, false, false>(chunk, args);
  }
}

template <int kWidth, typename T>
THALWEG_INLINE void any_chunk_gradient_sums(std::int64_t k, const Chunk& chunk, const NormBackwardArgs& args,
                                            float* sum, float* dot) {
  if (args.shape.pool_width > 0) {
    pooled_gradient_sums<T>(k, args, sum, dot);
  } else if (!args.shape.relu) {
    chunk_gradient_sums<kWidth, T, ReluMask::kNone>(chunk, args, sum, dot);
  } else {
    args.y ? chunk_gradient_sums<kWidth, T, ReluMask::kRead>(chunk, args, sum, dot)
           : chunk_gradient_sums<kWidth, T, ReluMask::kComputed>(chunk, args, sum, dot);
  }
}

template <int kWidth, typename T>
THALWEG_INLINE void gradient_any_chunk(std::int64_t k, const Chunk& chunk, const NormBackwardArgs& args) {
  if (args.shape.pool_width > 0) {
    pooled_gradient_chunk<T>(k, args);
  } else if (!args.shape.relu) {
    gradient_chunk<kWidth, T, ReluMask::kNone, false>(chunk, args);
  } else if (args.dother) {
    gradient_chunk<kWidth, T, ReluMask::kRead, true>(chunk, args);
  } else {
    args.y ? gradient_chunk<kWidth, T, ReluMask::kRead, false>(chunk, args)
           : gradient_chunk<kWidth, T, ReluMask::kComputed, false>(chunk, args);
  }
}

// Calls work<W, T>() for vectors of W floats and activations of type T.
template <typename Work>
void by_width_and_type(ActivationType type, const Work& work) {
  with_vectors([&]<int kWidth>() THALWEG_INLINED_LAMBDA {
    if (type == ActivationType::kFloat32) return work.template operator()<kWidth, float>();
    if (type == ActivationType::kBFloat16) return work.template operator()<kWidth, BFloat16>();
    work.template operator()<kWidth, Float16>();
  });
}

float* partial_at(float* partial, const NormShape& shape, std::int64_t k) {
  return partial + k * 2 * shape.channels;
}

// Totals are summed over the chunks in order, for one block of channels at a time.
constexpr std::int64_t kTotalChannels = 16;

THALWEG_SIMD void total_moments(const NormForwardArgs& args) {
  const NormShape& shape = args.shape;
  const auto rows = static_cast<double>(shape.rows);
  for (std::int64_t first = 0; first < shape.channels; first += kTotalChannels) {
    const std::int64_t count = std::min(kTotalChannels, shape.channels - first);
    double mean[kTotalChannels] = {}, m2[kTotalChannels] = {};
    for (std::int64_t k = 0; k < shape.num_chunks(); ++k) {
      const float* partial = partial_at(args.partial, shape, k) + first;
      const auto weight = static_cast<double>(chunk_at(shape, k).rows);
      for (std::int64_t c = 0; c < count; ++c) mean[c] += static_cast<double>(partial[c]) * weight;
    }
    for (std::int64_t c = 0; c < count; ++c) mean[c] /= rows;
    for (std::int64_t k = 0; k < shape.num_chunks(); ++k) {
      const float* partial = partial_at(args.partial, shape, k) + first;
      const auto weight = static_cast<double>(chunk_at(shape, k).rows);
      for (std::int64_t c = 0; c < count; ++c) {
        const double d = static_cast<double>(partial[c]) - mean[c];
        m2[c] += static_cast<double>(partial[shape.channels + c]) + d * d * weight;
      }
    }
    for (std::int64_t c = 0; c < count; ++c) finish_moments(args, first + c, mean[c], m2[c]);
  }
}

THALWEG_SIMD void total_sums(const NormBackwardArgs& args) {
  const NormShape& shape = args.shape;
  for (std::int64_t first = 0; first < shape.channels; first += kTotalChannels) {
    const std::int64_t count = std::min(kTotalChannels, shape.channels - first);
    double sum[kTotalChannels] = {}, dot[kTotalChannels] = {};
    for (std::int64_t k = 0; k < shape.num_chunks(); ++k) {
      const float* partial = partial_at(args.partial, shape, k) + first;
      for (std::int64_t c = 0; c < count; ++c) {
        sum[c] += static_cast<double>(partial[c]);
        dot[c] += static_cast<double>(partial[shape.channels + c]);
      }
    }
    for (std::int64_t c = 0; c < count; ++c) {
      args.dbias[first + c] = static_cast<float>(sum[c]);
      args.dweight[first + c] = static_cast<float>(dot[c]);
    }
  }
}

}  // namespace

void norm_forward_cpu(const NormForwardArgs& args) {
  const NormShape& shape = args.shape;
  for_each_chunk(shape, [&](std::int64_t k, const Chunk& chunk) {
    float* mean = partial_at(args.partial, shape, k);
    by_width_and_type(shape.type, [&]<int kWidth, typename T>() THALWEG_INLINED_LAMBDA {
      chunk_moments<kWidth, T>(chunk, args.x, mean, mean + shape.channels);
    });
  });
  total_moments(args);
  for_each_chunk(shape, [&](std::int64_t k, const Chunk& chunk) {
    by_width_and_type(shape.type, [&]<int kWidth, typename T>()
                                      THALWEG_INLINED_LAMBDA { apply_any_chunk<kWidth, T>(k, chunk, args); });
  });
}

void norm_backward_cpu(const NormBackwardArgs& args) {
  const NormShape& shape = args.shape;
  for_each_chunk(shape, [&](std::int64_t k, const Chunk& chunk) {
    float* sum = partial_at(args.partial, shape, k);
    by_width_and_type(shape.type, [&]<int kWidth, typename T>() THALWEG_INLINED_LAMBDA {
      any_chunk_gradient_sums<kWidth, T>(k, chunk, args, sum, sum + shape.channels);
    });
  });
  total_sums(args);
  for_each_chunk(shape, [&](std::int64_t k, const Chunk& chunk) {
    by_width_and_type(shape.type, [&]<int kWidth, typename T>()
                                      THALWEG_INLINED_LAMBDA { gradient_any_chunk<kWidth, T>(k, chunk, args); });
  });
}

}  // namespace thalweg
