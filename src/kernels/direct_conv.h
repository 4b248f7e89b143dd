// A convolution on a CPU, channels-last, that multiplies no padding, in float32, or in bfloat16 with float32 sums.
// Forward:
//
//   y[n, p, q, k] = sum over r, s, c of w[k, r, s, c] * x[n, p * stride + r - padding, q * stride + s - padding, c]
//
// and the gradient by the input: the same pixels the other way around, dx from dy.
//
// oneDNN multiplies the padding's zeros: of a 3 x 3 kernel's products 31 % on a 4 x 4 image, 56 % on a 2 x 2 one. Here,
// by AVX-512, sums of a few images and of a panel of output channels stay in the second-level cache; each tap of the
// kernel, and within it each block of input channels, is a matrix product of those pixels that the tap meets, added to
// them. (By AVX2 and AMX pixels are summed to the end: avx2_conv_cpu.cpp, tile_conv_cpu.cpp.) A value's sum has one
// order, whatever the number of images and threads.
#pragma once

#include <cstdint>

#include "kernels/conv_taps.h"

namespace thalweg {

enum class DirectConvPass { kForward, kInputGradient };

struct DirectConvArgs {
  ConvSizes conv;
  DirectConvPass pass = DirectConvPass::kForward;
  ActivationType type = ActivationType::kFloat32;
  const void* from = nullptr;         // [N, H, W, C]; kInputGradient: [N, P, Q, K]
  const ConvWord* weights = nullptr;  // as pack_direct_conv_weights wrote them
  const void* bias = nullptr;         // of `type`, one per output channel; may be null
  const void* other = nullptr;        // like `to`, added; may be null, or `to` itself
  bool relu = false;                  // NaN stays NaN
  void* to = nullptr;                 // [N, P, Q, K]; kInputGradient: [N, H, W, C]
};

// Whether direct_conv_cpu can, on a processor with AVX-512: float32, or bfloat16 with products of it, C and K multiples
// of 64; of 32 where it has AMX and the type is bfloat16. With AVX2 alone: float32, multiples of 16.
bool direct_conv_takes(const DirectConvArgs& args);
bool direct_conv_takes(const DirectConvArgs& args, WordProducts products);
// Whether it is also faster than oneDNN's: by AVX2 up to 32 x 32 pixels, else with few pixels, and no 1 x 1 kernel but
// for the gradient by AMX. Milliseconds on two cores of an EPYC with AVX-512, 125 images, 3 x 3, ours and oneDNN's,
// channels at image size:
//   bfloat16             512 at 2x2: 1.0, 4.3    512 at 4x4: 6.2, 11.1    256 at 8x8: 7.5, 8.2    64 at 8x8: 0.61, 0.63
//   float32              512 at 2x2: 2.0, 7.2    512 at 4x4: 12.5, 17.9   256 at 8x8: 14.9, 15.9  64 at 8x8: 1.11, 1.06
// float32 by AVX2, two cores of an EPYC 7003 (a shared one, whose rates vary), 128 images, forward and gradient by the
// input, both, without packing (0.8 for 512 channels):
//   512 at 2x2: 6.1, 16 and 6.6, 17  512 at 4x4: 36, 51 and 39, 54    256 at 8x8: 46, 46 and 52, 56
//   128 at 16x16: 52, 60 and 56, 57  64 at 32x32: 51, 71 and 57, 69   64 at 8x8: 2.8, 3.6 and 2.8, 3.2
//   32 at 16x16: 3.3, 4.5 and 3.1, 4.0                                16 at 32x32: 3.8, 6.5 and 4.7, 7.3
//   with stride 2, 16 to 32 channels from 32x32: 3.4, 3.2 and 3.0, 7.6
//   64 to 128 channels, 1 x 1, stride 2: 4.3, 9.4 and 10, 24
// bfloat16 by AMX, both, 128 images, two cores of a Sapphire Rapids:
//   512 at 2x2: 2.1, 22      512 at 4x4: 12, 43      256 at 8x8: 12, 19
//   64 at 8x8: 0.8, 1.1      128 at 16x16: 15, 13
bool direct_conv_pays(const DirectConvArgs& args);

std::int64_t direct_conv_weight_words(const ConvSizes& conv, ActivationType type);
// weight: [K, kernel, kernel, C] of args.type. Writes direct_conv_weight_words.
void pack_direct_conv_weights(const DirectConvArgs& args, const void* weight, ConvWord* words);
void pack_direct_conv_weights(const DirectConvArgs& args, const void* weight, ConvWord* words, WordProducts products);
void direct_conv_cpu(const DirectConvArgs& args);
// By other products than the processor's fastest: the same bits in float32.
void direct_conv_cpu(const DirectConvArgs& args, WordProducts products);

}  // namespace thalweg
