#include <algorithm>

#include <ATen/Parallel.h>

#include "kernels/norm.h"
#include "kernels/simd.h"

namespace thalweg {
namespace {

// One chunk of rows of [M, C], as every loop below takes it.
struct Chunk {
  std::int64_t begin;  // first element
  std::int64_t rows;
  std::int64_t channels;
};

Chunk chunk_at(const NormShape& shape, std::int64_t k) {
  const std::int64_t first = k * kNormRows;
  return {first * shape.channels, std::min(kNormRows, shape.rows - first), shape.channels};
}

template <typename F>
void for_each_chunk(const NormShape& shape, F work) {
  at::parallel_for(0, shape.num_chunks(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) work(k, chunk_at(shape, k));
  });
}

// The chunk's mean [C] and the sum of squared distances from it [C].
template <typename T>
THALWEG_INLINE void chunk_moments(const Chunk& chunk, const void* input, float* __restrict mean, float* __restrict m2) {
  const std::int64_t channels = chunk.channels;
  const T* __restrict x = static_cast<const T*>(input) + chunk.begin;
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

template <typename T, bool kRelu, bool kOther>
THALWEG_INLINE void apply_chunk(const Chunk& chunk, const NormForwardArgs& args) {
  const T* x = static_cast<const T*>(args.x) + chunk.begin;
  const T* other = kOther ? static_cast<const T*>(args.other) + chunk.begin : nullptr;
  T* y = static_cast<T*>(args.y) + chunk.begin;
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

// The gradient that reaches the normalisation.
template <typename T, bool kRelu>
THALWEG_INLINE float masked(const T* y, const T* dy, std::int64_t i) {
  const float g = to_float(dy[i]);
  if constexpr (!kRelu) return g;
  return to_float(y[i]) <= 0.0f ? 0.0f : g;
}

// sum g [C] and sum g * xhat [C].
template <typename T, bool kRelu>
THALWEG_INLINE void chunk_gradient_sums(const Chunk& chunk, const NormBackwardArgs& args, float* __restrict sum,
                                        float* __restrict dot) {
  const std::int64_t channels = chunk.channels;
  const T* __restrict x = static_cast<const T*>(args.x) + chunk.begin;
  const T* __restrict y = kRelu ? static_cast<const T*>(args.y) + chunk.begin : nullptr;
  const T* __restrict dy = static_cast<const T*>(args.dy) + chunk.begin;
  const float* __restrict mean = args.mean;
  const float* __restrict invstd = args.invstd;
  for (std::int64_t c = 0; c < channels; ++c) sum[c] = dot[c] = 0;
  for (std::int64_t m = 0; m < chunk.rows; ++m) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t i = m * channels + c;
      const float g = masked<T, kRelu>(y, dy, i);
      sum[c] += g;
      dot[c] += g * (to_float(x[i]) - mean[c]);
    }
  }
  for (std::int64_t c = 0; c < channels; ++c) dot[c] *= invstd[c];
}

template <typename T, bool kRelu, bool kOther>
THALWEG_INLINE void gradient_chunk(const Chunk& chunk, const NormBackwardArgs& args) {
  const T* x = static_cast<const T*>(args.x) + chunk.begin;
  const T* y = kRelu ? static_cast<const T*>(args.y) + chunk.begin : nullptr;
  const T* dy = static_cast<const T*>(args.dy) + chunk.begin;
  T* dx = static_cast<T*>(args.dx) + chunk.begin;
  T* dother = kOther ? static_cast<T*>(args.dother) + chunk.begin : nullptr;
  for (std::int64_t m = 0; m < chunk.rows; ++m) {
#pragma GCC ivdep
    for (std::int64_t c = 0; c < chunk.channels; ++c) {
      const std::int64_t i = m * chunk.channels + c;
      const float g = masked<T, kRelu>(y, dy, i);
      const float d = input_gradient(args, to_float(x[i]), g, c);
      if constexpr (kOther) store(dother[i], g);
      store(dx[i], d);
    }
  }
}

// One function a type and step, compiled for each instruction set; the flags choose among loops inside.
#define THALWEG_NORM_LOOPS(SUFFIX, T)                                                                           \
  THALWEG_SIMD void moments_##SUFFIX(const Chunk& chunk, const NormForwardArgs& args, float* mean, float* m2) { \
    chunk_moments<T>(chunk, args.x, mean, m2);                                                                  \
  }                                                                                                             \
  THALWEG_SIMD void apply_##SUFFIX(const Chunk& chunk, const NormForwardArgs& args) {                           \
    if (args.shape.relu) {                                                                                      \
      args.other ? apply_chunk<T, true, true>(chunk, args) : apply_chunk<T, true, false>(chunk, args);          \
    } else {                                                                                                    \
      args.other ? apply_chunk<T, false, true>(chunk, args) : apply_chunk<T, false, false>(chunk, args);        \
    }                                                                                                           \
  }                                                                                                             \
  THALWEG_SIMD void sums_##SUFFIX(const Chunk& chunk, const NormBackwardArgs& args, float* sum, float* dot) {   \
    args.shape.relu ? chunk_gradient_sums<T, true>(chunk, args, sum, dot)                                       \
                    : chunk_gradient_sums<T, false>(chunk, args, sum, dot);                                     \
  }                                                                                                             \
  THALWEG_SIMD void gradient_##SUFFIX(const Chunk& chunk, const NormBackwardArgs& args) {                       \
    if (args.shape.relu) {                                                                                      \
      args.dother ? gradient_chunk<T, true, true>(chunk, args) : gradient_chunk<T, true, false>(chunk, args);   \
    } else {                                                                                                    \
      gradient_chunk<T, false, false>(chunk, args);                                                             \
    }                                                                                                           \
  }
THALWEG_NORM_LOOPS(f32, float)
THALWEG_NORM_LOOPS(bf16, BFloat16)
#undef THALWEG_NORM_LOOPS

float* partial_at(float* partial, const NormShape& shape, std::int64_t k) {
  return partial + k * 2 * shape.channels;
}

void total_moments(const NormForwardArgs& args) {
  const NormShape& shape = args.shape;
  const auto rows = static_cast<double>(shape.rows);
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    double sum = 0;
    for (std::int64_t k = 0; k < shape.num_chunks(); ++k) {
      sum += static_cast<double>(partial_at(args.partial, shape, k)[c]) * static_cast<double>(chunk_at(shape, k).rows);
    }
    const double mean = sum / rows;
    double m2 = 0;
    for (std::int64_t k = 0; k < shape.num_chunks(); ++k) {
      const float* partial = partial_at(args.partial, shape, k);
      const double d = static_cast<double>(partial[c]) - mean;
      m2 += static_cast<double>(partial[shape.channels + c]) + d * d * static_cast<double>(chunk_at(shape, k).rows);
    }
    finish_moments(args, c, mean, m2);
  }
}

void total_sums(const NormBackwardArgs& args) {
  const NormShape& shape = args.shape;
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    double sum = 0, dot = 0;
    for (std::int64_t k = 0; k < shape.num_chunks(); ++k) {
      const float* partial = partial_at(args.partial, shape, k);
      sum += static_cast<double>(partial[c]);
      dot += static_cast<double>(partial[shape.channels + c]);
    }
    args.dbias[c] = static_cast<float>(sum);
    args.dweight[c] = static_cast<float>(dot);
  }
}

}  // namespace

void norm_forward_cpu(const NormForwardArgs& args) {
  const NormShape& shape = args.shape;
  const bool f32 = shape.type == ActivationType::kFloat32;
  for_each_chunk(shape, [&](std::int64_t k, const Chunk& chunk) {
    float* mean = partial_at(args.partial, shape, k);
    (f32 ? moments_f32 : moments_bf16)(chunk, args, mean, mean + shape.channels);
  });
  total_moments(args);
  for_each_chunk(shape, [&](std::int64_t, const Chunk& chunk) { (f32 ? apply_f32 : apply_bf16)(chunk, args); });
}

void norm_backward_cpu(const NormBackwardArgs& args) {
  const NormShape& shape = args.shape;
  const bool f32 = shape.type == ActivationType::kFloat32;
  for_each_chunk(shape, [&](std::int64_t k, const Chunk& chunk) {
    float* sum = partial_at(args.partial, shape, k);
    (f32 ? sums_f32 : sums_bf16)(chunk, args, sum, sum + shape.channels);
  });
  total_sums(args);
  for_each_chunk(shape, [&](std::int64_t, const Chunk& chunk) { (f32 ? gradient_f32 : gradient_bf16)(chunk, args); });
}

}  // namespace thalweg
