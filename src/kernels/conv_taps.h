// Shared by the CPU convolution kernels: the sizes of a convolution, the pixels inside the image that each tap of its
// kernel touches, and vector arithmetic on words of one float32 or two bfloat16s.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/activation.h"
#include "kernels/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define THALWEG_AVX512 __attribute__((target("avx512f,avx512bf16,avx512vl,avx512bw")))
#endif

namespace thalweg {

struct ConvSizes {
  std::int64_t num_images = 0;                              // N
  std::int64_t height = 0, width = 0, channels = 0;         // H, W, C of the image
  std::int64_t out_height = 0, out_width = 0, filters = 0;  // P, Q, K of the output
  std::int64_t kernel = 1, stride = 1, padding = 0;

  std::int64_t pixels() const { return height * width; }
  std::int64_t out_pixels() const { return out_height * out_width; }
  std::int64_t taps() const { return kernel * kernel; }
};

// The range of output pixels along one axis for which tap `t` falls inside the image.
struct TapRange {
  std::int64_t begin = 0, end = 0;
};
inline TapRange inside(const ConvSizes& conv, std::int64_t t, std::int64_t size, std::int64_t out_size) {
  const std::int64_t shift = conv.padding - t;  // input = output * stride - shift
  const std::int64_t begin = shift > 0 ? (shift + conv.stride - 1) / conv.stride : 0;
  const std::int64_t last = size - 1 + shift;
  return {begin, last < 0 ? begin : std::max(begin, std::min(out_size, last / conv.stride + 1))};
}

using ConvWord = std::uint32_t;

inline std::int64_t values_a_word(ActivationType type) {
  return type == ActivationType::kFloat32 ? 1 : 2;
}

// The instructions that multiply words and add the products: eight words at once (float32 only), sixteen, or whole
// tiles of them (bfloat16 only; kernels/amx.h).
enum class WordProducts { kNone, kAvx2, kAvx512, kTiles };

// Whether the processor has AMX for bfloat16 and the system lets this process use it.
bool has_amx();

// Returns the processor's fastest instructions for `type`.
inline WordProducts word_products(ActivationType type) {
#ifdef THALWEG_AVX512
  if (type == ActivationType::kBFloat16 && has_amx()) return WordProducts::kTiles;
  if (type == ActivationType::kBFloat16)
    return __builtin_cpu_supports("avx512bf16") ? WordProducts::kAvx512 : WordProducts::kNone;
  if (type != ActivationType::kFloat32) return WordProducts::kNone;
  if (has_avx512f()) return WordProducts::kAvx512;
  if (has_avx2()) return WordProducts::kAvx2;
#endif
  return WordProducts::kNone;
}

// Whether the processor has instructions for products of bfloat16.
inline bool multiplies_bf16() {
  return word_products(ActivationType::kBFloat16) != WordProducts::kNone;
}

#ifdef THALWEG_AVX512
// Returns sum + a * b, or sum + a.first * b.first + a.second * b.second for pairs of bfloat16s.
template <bool kBFloat16>
THALWEG_AVX512 THALWEG_INLINE __m512 multiply_add(__m512 sum, __m512i a, __m512i b) {
  if constexpr (kBFloat16) return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
  return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
}

THALWEG_AVX512 THALWEG_INLINE __m512i sixteen_times(ConvWord word) {
  return _mm512_set1_epi32(static_cast<int>(word));
}
#endif

}  // namespace thalweg
