// A convolution on a CPU, channels-last, that multiplies no padding, in float32, or in bfloat16 with float32 sums.
// Forward:
//
//   y[n, p, q, k] = sum over r, s, c of w[k, r, s, c] * x[n, p * stride + r - padding, q * stride + s - padding, c]
//
// and the gradient by the input: the same pixels the other way around, dx from dy.
//
// oneDNN multiplies the padding's zeros: of a 3 x 3 kernel's products 31 % on a 4 x 4 image, 56 % on a 2 x 2 one. Here
// sums of a few images and of a panel of output channels stay in the second-level cache; each tap of the kernel, and
// within it each block of input channels, is a matrix product of those pixels that the tap meets, added to them. (AMX
// goes pixel by pixel: tile_conv_cpu.cpp.) A value's sum has one order, whatever the number of images and threads.
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

// Whether direct_conv_cpu can: float32 on a processor with AVX2, or bfloat16 on one with AVX-512 and its products of
// it, C and K multiples of 64; of 32 where it has AMX and the type is bfloat16.
bool direct_conv_takes(const DirectConvArgs& args);
bool direct_conv_takes(const DirectConvArgs& args, WordProducts products);
// Whether it is also faster than oneDNN's: by AVX2 up to 32 x 32 pixels, else with few pixels, and no 1 x 1 kernel but
// for the gradient by AMX. Milliseconds on two cores of an EPYC with AVX-512, 125 images, 3 x 3, ours and oneDNN's,
// channels at image size:
//   bfloat16             512 at 2x2: 1.0, 4.3    512 at 4x4: 6.2, 11.1    256 at 8x8: 7.5, 8.2    64 at 8x8: 0.61, 0.63
//   float32              512 at 2x2: 2.0, 7.2    512 at 4x4: 12.5, 17.9   256 at 8x8: 14.9, 15.9  64 at 8x8: 1.11, 1.06
// float32 by AVX2, two cores of an EPYC 7003 (a shared one, whose rates vary), 128 images, packing included, forward
// and gradient by the input, both:
//   512 at 2x2: 13, 20 and 13, 22    512 at 4x4: 57, 63 and 62, 87    256 at 8x8: 69, 64 and 68, 65
//   128 at 16x16: 71, 77 and 75, 82  64 at 32x32: 107, 112 and 97, 138
//   64 to 128 channels, 1 x 1, stride 2: 8.5, 8.7 and 10, 101
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
