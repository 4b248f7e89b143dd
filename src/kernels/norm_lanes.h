// The loops of norm_cpu.cpp over blocks of 32 adjacent elements: sums and per-channel values stay in registers while
// the loop runs over the rows. A block has 32 channels, or two rows of 16 channels, whose sums are added at the end.
// Its vectors are as wide as the processor's (kernels/simd.h), and the bits do not depend on the width.
//
// Supports numbers of channels that are multiples of 32, or 16 with an even number of rows. Other numbers, and float16,
// use the plain loops of norm_cpu.cpp, which the tests compare with the same formulas.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/norm.h"
#include "kernels/simd.h"

namespace thalweg {

template <int kWidth>
struct LaneTypes {
  typedef float Floats __attribute__((vector_size(kWidth * 4)));
  typedef std::uint32_t Bits __attribute__((vector_size(kWidth * 4)));
  typedef std::uint16_t Halves __attribute__((vector_size(kWidth * 2)));
};
template <int kWidth>
using FloatLanes = typename LaneTypes<kWidth>::Floats;

// Vectors are passed by reference: by value, they would have a different ABI on each instruction set.
template <int kWidth>
THALWEG_INLINE void load_lanes(FloatLanes<kWidth>& to, const float* from) {
  std::memcpy(&to, from, sizeof(to));
}
template <int kWidth>
THALWEG_INLINE void load_lanes(FloatLanes<kWidth>& to, const BFloat16* from) {
  typename LaneTypes<kWidth>::Halves bits;
  std::memcpy(&bits, from, sizeof(bits));
  to = (FloatLanes<kWidth>)(__builtin_convertvector(bits, typename LaneTypes<kWidth>::Bits) << 16);
}
template <int kWidth>
THALWEG_INLINE void store_lanes(float* to, const FloatLanes<kWidth>& from) {
  std::memcpy(to, &from, sizeof(from));
}
// Rounds like `store` in kernels/activation.h.
template <int kWidth>
THALWEG_INLINE void store_lanes(BFloat16* to, const FloatLanes<kWidth>& from) {
  using Bits = typename LaneTypes<kWidth>::Bits;
  const Bits bits = (Bits)from;
  const Bits rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  const Bits nan = Bits{} + 0x7FC0u;
  const auto halves = __builtin_convertvector(from != from ? nan : rounded, typename LaneTypes<kWidth>::Halves);
  std::memcpy(to, &halves, sizeof(halves));
}

// 32 adjacent elements of each row of a chunk, or of each pair of rows.
template <int kWidth>
struct LaneBlock {
  static constexpr int kVectors = 32 / kWidth;
  using Vectors = FloatLanes<kWidth>[kVectors];

  std::int64_t first;  // first channel
  bool folded;         // the second half has the same channels of the next row
  std::int64_t steps, stride;

  THALWEG_INLINE std::int64_t channel(int j) const { return first + (folded ? j * kWidth % 16 : j * kWidth); }
  THALWEG_INLINE std::int64_t element(std::int64_t step, int j) const { return step * stride + first + j * kWidth; }

  // Load and store one value per channel.
  THALWEG_INLINE void load(Vectors& to, const float* from) const {
    for (int j = 0; j < kVectors; ++j) load_lanes<kWidth>(to[j], from + channel(j));
  }
  THALWEG_INLINE void store(float* to, const Vectors& from) const {
    for (int j = 0; j < kVectors; ++j) store_lanes<kWidth>(to + channel(j), from[j]);
  }
  // If folded, adds the sums of the two halves, which then both hold the totals.
  THALWEG_INLINE void fold(Vectors& sums) const {
    constexpr int kHalf = kVectors / 2;
    if (!folded) return;
    for (int j = 0; j < kHalf; ++j) sums[j] = sums[j + kHalf] = sums[j] + sums[j + kHalf];
  }
};

// Calls work(block) for all blocks and returns true, or returns false if `rows` and `channels` are not supported.
template <int kWidth, typename F>
THALWEG_INLINE bool for_each_block(std::int64_t rows, std::int64_t channels, F work) {
  const bool folded = channels == 16 && rows % 2 == 0;
  if (channels % 32 != 0 && !folded) return false;
  for (std::int64_t c = 0; c < channels; c += 32)
    work(LaneBlock<kWidth>{c, folded, folded ? rows / 2 : rows, folded ? 32 : channels});
  return true;
}

template <int kWidth, typename T>
THALWEG_INLINE void lane_moments(const LaneBlock<kWidth>& block, std::int64_t rows, const T* x, float* mean_out,
                                 float* m2_out) {
  typename LaneBlock<kWidth>::Vectors mean = {}, m2 = {};
  FloatLanes<kWidth> value;
  for (std::int64_t m = 0; m < block.steps; ++m) {
#pragma GCC unroll 8
    for (int j = 0; j < block.kVectors; ++j) {
      load_lanes<kWidth>(value, x + block.element(m, j));
      mean[j] += value;
    }
  }
  block.fold(mean);
  const float scale = 1.0f / static_cast<float>(rows);
  for (auto& lanes : mean) lanes *= scale;
  for (std::int64_t m = 0; m < block.steps; ++m) {
#pragma GCC unroll 8
    for (int j = 0; j < block.kVectors; ++j) {
      load_lanes<kWidth>(value, x + block.element(m, j));
      value -= mean[j];
      m2[j] += value * value;
    }
  }
  block.fold(m2);
  block.store(mean_out, mean);
  block.store(m2_out, m2);
}

template <bool kRelu, bool kOther, int kWidth, typename T>
THALWEG_INLINE void lane_apply(const LaneBlock<kWidth>& block, const NormForwardArgs& args, const T* x, const T* other,
                               T* y) {
  typename LaneBlock<kWidth>::Vectors mean, scale, bias, weight;
  FloatLanes<kWidth> value, added;
  block.load(mean, args.mean);
  block.load(scale, args.invstd);
  block.load(weight, args.weight);
  block.load(bias, args.bias);
  for (int j = 0; j < block.kVectors; ++j) scale[j] *= weight[j];
  for (std::int64_t m = 0; m < block.steps; ++m) {
#pragma GCC unroll 8
    for (int j = 0; j < block.kVectors; ++j) {
      const std::int64_t i = block.element(m, j);
      load_lanes<kWidth>(value, x + i);
      value = (value - mean[j]) * scale[j] + bias[j];
      if constexpr (kOther) {
        load_lanes<kWidth>(added, other + i);
        value += added;
      }
      if constexpr (kRelu) value = value < 0.0f ? FloatLanes<kWidth>{} : value;
      store_lanes<kWidth>(y + i, value);
    }
  }
}

// The per-channel values of a block, and the gradient that reaches the normalisation of one of its vectors.
template <ReluMask kMask, int kWidth>
struct LaneMask {
  typename LaneBlock<kWidth>::Vectors mean, invstd, scale, bias;

  THALWEG_INLINE LaneMask(const LaneBlock<kWidth>& block, const NormBackwardArgs& args) {
    block.load(mean, args.mean);
    block.load(invstd, args.invstd);
    block.load(scale, args.weight);
    block.load(bias, args.bias);
    for (int j = 0; j < block.kVectors; ++j) scale[j] *= invstd[j];
  }
  // Sets `centred` to x minus the mean, and `g` to the gradient.
  template <typename T>
  THALWEG_INLINE void load(int j, const T* x, const T* y, const T* dy, FloatLanes<kWidth>& centred,
                           FloatLanes<kWidth>& g) const {
    FloatLanes<kWidth> value;
    load_lanes<kWidth>(value, x);
    load_lanes<kWidth>(g, dy);
    centred = value - mean[j];
    if constexpr (kMask == ReluMask::kRead) load_lanes<kWidth>(value, y);
    if constexpr (kMask == ReluMask::kComputed) value = centred * scale[j] + bias[j];
    if constexpr (kMask != ReluMask::kNone) g = value <= 0.0f ? FloatLanes<kWidth>{} : g;
  }
};

template <ReluMask kMask, int kWidth, typename T>
THALWEG_INLINE void lane_gradient_sums(const LaneBlock<kWidth>& block, const NormBackwardArgs& args, const T* x,
                                       const T* y, const T* dy, float* sum_out, float* dot_out) {
  const LaneMask<kMask, kWidth> mask(block, args);
  typename LaneBlock<kWidth>::Vectors sum = {}, dot = {};
  FloatLanes<kWidth> centred, g;
  for (std::int64_t m = 0; m < block.steps; ++m) {
#pragma GCC unroll 8
    for (int j = 0; j < block.kVectors; ++j) {
      const std::int64_t i = block.element(m, j);
      mask.load(j, x + i, kMask == ReluMask::kRead ? y + i : nullptr, dy + i, centred, g);
      sum[j] += g;
      dot[j] += g * centred;
    }
  }
  block.fold(sum);
  block.fold(dot);
  for (int j = 0; j < block.kVectors; ++j) dot[j] *= mask.invstd[j];
  block.store(sum_out, sum);
  block.store(dot_out, dot);
}

template <ReluMask kMask, bool kOther, int kWidth, typename T>
THALWEG_INLINE void lane_gradient(const LaneBlock<kWidth>& block, const NormBackwardArgs& args, const T* x, const T* y,
                                  const T* dy, T* dx, T* dother) {
  const LaneMask<kMask, kWidth> mask(block, args);
  const float share = 1.0f / static_cast<float>(args.shape.rows);
  typename LaneBlock<kWidth>::Vectors mean_g, mean_dot;
  FloatLanes<kWidth> centred, g;
  block.load(mean_g, args.dbias);
  block.load(mean_dot, args.dweight);
  for (int j = 0; j < block.kVectors; ++j) mean_g[j] *= share, mean_dot[j] *= share;
  for (std::int64_t m = 0; m < block.steps; ++m) {
#pragma GCC unroll 8
    for (int j = 0; j < block.kVectors; ++j) {
      const std::int64_t i = block.element(m, j);
      mask.load(j, x + i, kMask == ReluMask::kRead ? y + i : nullptr, dy + i, centred, g);
      if constexpr (kOther) store_lanes<kWidth>(dother + i, g);
      store_lanes<kWidth>(dx + i, mask.scale[j] * (g - mean_g[j] - centred * mask.invstd[j] * mean_dot[j]));
    }
  }
}

}  // namespace thalweg
