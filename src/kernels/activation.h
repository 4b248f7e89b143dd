// The storage types of activations, and their conversion to and from float32.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "base/cuda.h"

namespace thalweg {

enum class ActivationType { kFloat32, kBFloat16, kFloat16 };
// Names used in messages and files, in the order of the enumerators.
inline constexpr std::array<const char*, 3> kActivationTypeNames = {"float32", "bfloat16", "float16"};

// A bfloat16 as stored in memory.
struct BFloat16 {
  std::uint16_t bits;
};

// A float16 (IEEE binary16) as stored in memory.
struct Float16 {
  std::uint16_t bits;
};

// std::bit_cast for host and device.
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

THALWEG_HD inline float to_float(Float16 x) {
#ifdef __CUDA_ARCH__
  float out;
  asm("cvt.f32.f16 %0, %1;" : "=f"(out) : "h"(x.bits));
  return out;
#else
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000u) << 16;
  const std::uint32_t rest = x.bits & 0x7FFFu;
  if (rest < 0x400u) {  // subnormal: a multiple of 2^-24
    const float value = static_cast<float>(rest) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  return bits_as<float>(sign | (rest >= 0x7C00u ? 0x7F800000u | (rest & 0x3FFu) << 13 : (rest << 13) + 0x38000000u));
#endif
}

// Converts `x` to the type of `to` and stores it: rounds to nearest, ties to even; NaN stays NaN; magnitudes too large
// for a float16 (65520 and more) become infinite.
THALWEG_HD inline void store(float& to, float x) {
  to = x;
}
THALWEG_HD inline void store(BFloat16& to, float x) {
#ifdef __CUDA_ARCH__
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(to.bits) : "f"(x));
#else
  const auto bits = bits_as<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  to.bits = static_cast<std::uint16_t>(x != x ? 0x7FC0u : rounded);
#endif
}
THALWEG_HD inline void store(Float16& to, float x) {
#ifdef __CUDA_ARCH__
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to.bits) : "f"(x));
#else
  const std::uint32_t sign = bits_as<std::uint32_t>(x) >> 16 & 0x8000u;
  const std::uint32_t bits = bits_as<std::uint32_t>(x) & 0x7FFFFFFFu;
  std::uint32_t rounded = 0x7C00u;
  if (bits > 0x7F800000u) {
    rounded = 0x7E00u;
  } else if (bits < 0x38800000u) {  // below 2^-14: 0.5 has the same unit in the last place as a subnormal float16
    rounded = bits_as<std::uint32_t>(bits_as<float>(bits) + 0.5f) - 0x3F000000u;
  } else if (bits < 0x47800000u) {
    rounded = (bits - 0x38000000u + 0xFFFu + ((bits >> 13) & 1u)) >> 13;
  }
  to.bits = static_cast<std::uint16_t>(sign | rounded);
#endif
}

}  // namespace thalweg
