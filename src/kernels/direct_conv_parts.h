// Shared by the implementations of the direct convolution; internal to them.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/direct_conv.h"

namespace thalweg {

// The sizes of the convolution as a product from input channels to output channels, in either pass.
struct ConvProduct {
  explicit ConvProduct(const DirectConvArgs& args) {
    const ConvSizes& conv = args.conv;
    const bool forward = args.pass == DirectConvPass::kForward;
    from_pixels = forward ? conv.pixels() : conv.out_pixels();
    to_pixels = forward ? conv.out_pixels() : conv.pixels();
    from_width = forward ? conv.width : conv.out_width;
    to_width = forward ? conv.out_width : conv.width;
    inputs = forward ? conv.channels : conv.filters;
    outputs = forward ? conv.filters : conv.channels;
    words = inputs / values_a_word(args.type);
  }
  std::int64_t from_pixels, to_pixels;
  std::int64_t from_width, to_width;
  std::int64_t inputs, outputs;  // channels
  std::int64_t words;            // words of a pixel's input channels
};

// An input and an output pixel, of one image, that a tap connects.
struct PixelPair {
  std::int64_t from, to;
};
// Returns the connected pixels of each tap.
std::vector<std::vector<PixelPair>> connected_pixels(const DirectConvArgs& args);

// Packed weights are [outputs / panel][taps][words][panel]. For tiles they are blocks of 16 words by 16 outputs:
// [outputs / panel][taps][words / 16][panel / 16][16 words][16 outputs].
constexpr std::int64_t kWordPanel = 64, kTilePanel = 32, kNarrowPanel = 16;
inline std::int64_t direct_conv_panel(WordProducts products) {
  if (products == WordProducts::kAvx2) return kNarrowPanel;
  return products == WordProducts::kTiles ? kTilePanel : kWordPanel;
}

// bfloat16 only; C and K must be multiples of 32.
void tile_conv_cpu(const DirectConvArgs& args);
// float32 only; C and K must be multiples of 16.
void avx2_conv_cpu(const DirectConvArgs& args);

#ifdef THALWEG_AVX512
template <bool kBFloat16>
THALWEG_AVX512 THALWEG_INLINE __m512 load16(const void* values, std::int64_t at) {
  if constexpr (kBFloat16) {
    const auto* bits = reinterpret_cast<const __m256i*>(static_cast<const BFloat16*>(values) + at);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(bits)), 16));
  } else {
    return _mm512_loadu_ps(static_cast<const float*>(values) + at);
  }
}

template <bool kBFloat16>
THALWEG_AVX512 THALWEG_INLINE void store16(void* values, std::int64_t at, __m512 x) {
  if constexpr (kBFloat16) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(static_cast<BFloat16*>(values) + at),
                        (__m256i)_mm512_cvtneps_pbh(x));
  } else {
    _mm512_storeu_ps(static_cast<float*>(values) + at, x);
  }
}

// Adds bias and `other` to kOutputs of a pixel's sums, applies the ReLU and stores them. `at` is the index of the first
// one among all values, `channel` among the output channels.
template <bool kBFloat16, int kOutputs>
THALWEG_AVX512 THALWEG_INLINE void finish_sums(const DirectConvArgs& args, const float* sums, std::int64_t at,
                                               std::int64_t channel) {
  for (std::int64_t k = 0; k < kOutputs; k += 16) {
    __m512 x = _mm512_loadu_ps(sums + k);
    if (args.bias) x = _mm512_add_ps(x, load16<kBFloat16>(args.bias, channel + k));
    if (args.other) x = _mm512_add_ps(x, load16<kBFloat16>(args.other, at + k));
    if (args.relu) x = _mm512_max_ps(_mm512_setzero_ps(), x);  // returns the second operand if either is NaN
    store16<kBFloat16>(args.to, at + k, x);
  }
}
#endif

}  // namespace thalweg
