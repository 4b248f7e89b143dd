// The loops of norm_cpu.cpp over 16 channels at a time: sums and what holds for a channel stay in registers while the
// rows go by. Each function takes two vectors of 16 channels; of 16 channels alone, two rows, whose sums are added in
// the end.
//
// For numbers of channels that are multiples of 32, or 16 with an even number of rows; others, and float16, take the
// loops of norm_cpu.cpp, which the tests compare with the same formulas.
#pragma once

#include <cstring>
#include <type_traits>

#include "kernels/norm.h"
#include "kernels/simd.h"

namespace thalweg {

typedef float FloatLanes __attribute__((vector_size(64)));
typedef std::uint32_t LaneBits __attribute__((vector_size(64)));
typedef std::uint16_t LaneHalves __attribute__((vector_size(32)));

// By reference: a vector in an argument has another ABI on each instruction set.
THALWEG_INLINE void load_lanes(FloatLanes& to, const float* from) {
  std::memcpy(&to, from, sizeof(to));
}
THALWEG_INLINE void load_lanes(FloatLanes& to, const BFloat16* from) {
  LaneHalves bits;
  std::memcpy(&bits, from, sizeof(bits));
  to = (FloatLanes)(__builtin_convertvector(bits, LaneBits) << 16);
}
THALWEG_INLINE void store_lanes(float* to, const FloatLanes& from) {
  std::memcpy(to, &from, sizeof(from));
}
// Rounds as `store` of kernels/activation.h.
THALWEG_INLINE void store_lanes(BFloat16* to, const FloatLanes& from) {
  const LaneBits bits = (LaneBits)from;
  const LaneBits rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  const LaneBits nan = LaneBits{} + 0x7FC0u;
  const LaneHalves halves = __builtin_convertvector(from != from ? nan : rounded, LaneHalves);
  std::memcpy(to, &halves, sizeof(halves));
}

// Two vectors' worth of a chunk: `steps` of 32 neighbouring elements, `stride` apart.
struct LanePair {
  std::int64_t channel;  // of the first vector
  bool folded;           // the second vector has the same channels, of the next row
  std::int64_t steps, stride;

  std::int64_t second() const { return folded ? channel : channel + 16; }
};

// Calls work(pair) until all channels are done, or returns false where the numbers do not allow it.
template <typename F>
THALWEG_INLINE bool for_each_pair(std::int64_t rows, std::int64_t channels, F work) {
  const bool folded = channels == 16 && rows % 2 == 0;
  if (channels % 32 != 0 && !folded) return false;
  for (std::int64_t c = 0; c < channels; c += 32)
    work(LanePair{c, folded, folded ? rows / 2 : rows, folded ? 32 : channels});
  return true;
}

THALWEG_INLINE void load_pair(FloatLanes (&to)[2], const LanePair& pair, const float* from) {
  load_lanes(to[0], from + pair.channel);
  load_lanes(to[1], from + pair.second());
}

// Sums over the rows of both vectors, which then hold the same where they are of the same channels.
THALWEG_INLINE void fold(FloatLanes (&sums)[2], const LanePair& pair) {
  if (pair.folded) sums[0] = sums[1] = sums[0] + sums[1];
}

THALWEG_INLINE void store_pair(float* to, const LanePair& pair, const FloatLanes (&from)[2]) {
  store_lanes(to + pair.channel, from[0]);
  store_lanes(to + pair.second(), from[1]);
}

template <typename T>
THALWEG_INLINE void lane_moments(const LanePair& pair, std::int64_t rows, const T* x, float* mean_out, float* m2_out) {
  FloatLanes mean[2] = {}, m2[2] = {}, value;
  for (std::int64_t m = 0; m < pair.steps; ++m) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      load_lanes(value, x + m * pair.stride + pair.channel + j * 16);
      mean[j] += value;
    }
  }
  fold(mean, pair);
  const float scale = 1.0f / static_cast<float>(rows);
  mean[0] *= scale, mean[1] *= scale;
  for (std::int64_t m = 0; m < pair.steps; ++m) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      load_lanes(value, x + m * pair.stride + pair.channel + j * 16);
      value -= mean[j];
      m2[j] += value * value;
    }
  }
  fold(m2, pair);
  store_pair(mean_out, pair, mean);
  store_pair(m2_out, pair, m2);
}

template <typename T, bool kRelu, bool kOther>
THALWEG_INLINE void lane_apply(const LanePair& pair, const NormForwardArgs& args, const T* x, const T* other, T* y) {
  FloatLanes mean[2], scale[2], bias[2], weight[2], value, added;
  load_pair(mean, pair, args.mean);
  load_pair(scale, pair, args.invstd);
  load_pair(weight, pair, args.weight);
  load_pair(bias, pair, args.bias);
  scale[0] *= weight[0], scale[1] *= weight[1];
  for (std::int64_t m = 0; m < pair.steps; ++m) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const std::int64_t i = m * pair.stride + pair.channel + j * 16;
      load_lanes(value, x + i);
      value = (value - mean[j]) * scale[j] + bias[j];
      if constexpr (kOther) {
        load_lanes(added, other + i);
        value += added;
      }
      if constexpr (kRelu) value = value < 0.0f ? FloatLanes{} : value;
      store_lanes(y + i, value);
    }
  }
}

// What holds for the channels of a pair, and the gradient that reaches the normalisation of one of its vectors.
template <ReluMask kMask>
struct LaneMask {
  FloatLanes mean[2], invstd[2], scale[2], bias[2];

  THALWEG_INLINE LaneMask(const LanePair& pair, const NormBackwardArgs& args) {
    load_pair(mean, pair, args.mean);
    load_pair(invstd, pair, args.invstd);
    load_pair(scale, pair, args.weight);
    load_pair(bias, pair, args.bias);
    scale[0] *= invstd[0], scale[1] *= invstd[1];
  }
  // x minus the mean into `centred`, the gradient into `g`.
  template <typename T>
  THALWEG_INLINE void load(int j, const T* x, const T* y, const T* dy, FloatLanes& centred, FloatLanes& g) const {
    FloatLanes value;
    load_lanes(value, x);
    load_lanes(g, dy);
    centred = value - mean[j];
    if constexpr (kMask == ReluMask::kRead) load_lanes(value, y);
    if constexpr (kMask == ReluMask::kComputed) value = centred * scale[j] + bias[j];
    if constexpr (kMask != ReluMask::kNone) g = value <= 0.0f ? FloatLanes{} : g;
  }
};

template <typename T, ReluMask kMask>
THALWEG_INLINE void lane_gradient_sums(const LanePair& pair, const NormBackwardArgs& args, const T* x, const T* y,
                                       const T* dy, float* sum_out, float* dot_out) {
  const LaneMask<kMask> mask(pair, args);
  FloatLanes sum[2] = {}, dot[2] = {}, centred, g;
  for (std::int64_t m = 0; m < pair.steps; ++m) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const std::int64_t i = m * pair.stride + pair.channel + j * 16;
      mask.load(j, x + i, kMask == ReluMask::kRead ? y + i : nullptr, dy + i, centred, g);
      sum[j] += g;
      dot[j] += g * centred;
    }
  }
  fold(sum, pair);
  fold(dot, pair);
  dot[0] *= mask.invstd[0], dot[1] *= mask.invstd[1];
  store_pair(sum_out, pair, sum);
  store_pair(dot_out, pair, dot);
}

template <typename T, ReluMask kMask, bool kOther>
THALWEG_INLINE void lane_gradient(const LanePair& pair, const NormBackwardArgs& args, const T* x, const T* y,
                                  const T* dy, T* dx, T* dother) {
  const LaneMask<kMask> mask(pair, args);
  const float share = 1.0f / static_cast<float>(args.shape.rows);
  FloatLanes mean_g[2], mean_dot[2], centred, g;
  load_pair(mean_g, pair, args.dbias);
  load_pair(mean_dot, pair, args.dweight);
  mean_g[0] *= share, mean_g[1] *= share;
  mean_dot[0] *= share, mean_dot[1] *= share;
  for (std::int64_t m = 0; m < pair.steps; ++m) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const std::int64_t i = m * pair.stride + pair.channel + j * 16;
      mask.load(j, x + i, kMask == ReluMask::kRead ? y + i : nullptr, dy + i, centred, g);
      if constexpr (kOther) store_lanes(dother + i, g);
      store_lanes(dx + i, mask.scale[j] * (g - mean_g[j] - centred * mask.invstd[j] * mean_dot[j]));
    }
  }
}

}  // namespace thalweg
