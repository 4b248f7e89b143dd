// How activations are stored.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/rng.h"  // THALWEG_HD

namespace thalweg {

enum class ActivationType { kFloat32, kBFloat16 };

// A bfloat16 in memory.
struct BFloat16 {
  std::uint16_t bits;
};

// The bits of one as the other.
template <typename To, typename From>
THALWEG_HD inline To bits_as(From from) {
#ifdef __CUDA_ARCH__
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
#else
  return __builtin_bit_cast(To, from);
#endif
}

THALWEG_HD inline float to_float(float x) {
  return x;
}
THALWEG_HD inline float to_float(BFloat16 x) {
  return bits_as<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

// To the nearest, ties to even; NaN stays NaN.
THALWEG_HD inline void store(float& to, float x) {
  to = x;
}
THALWEG_HD inline void store(BFloat16& to, float x) {
  const auto bits = bits_as<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  to.bits = static_cast<std::uint16_t>(x != x ? 0x7FC0u : rounded);
}

}  // namespace thalweg
