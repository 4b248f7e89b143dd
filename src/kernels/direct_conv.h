// Direct convolution on a CPU that skips the padding, channels-last, in float32, or in bfloat16 with float32 sums.
// Forward:
//
//   y[n, p, q, k] = sum over r, s, c of w[k, r, s, c] * x[n, p * stride + r - padding, q * stride + s - padding, c]
//
// and the gradient with respect to the input, dx from dy, which connects the same pixels in the other direction.
//
// oneDNN also multiplies the zeros of the padding: 31 % of a 3 x 3 kernel's products on a 4 x 4 image, 56 % on a 2 x 2
// one. The AVX-512 version keeps the sums of a few images and one panel of output channels in the L2 cache. For each
// tap of the kernel, and each block of input channels within it, it adds to them the matrix product of the pixels that
// the tap touches. (The AVX2 and AMX versions finish each pixel's sums in registers: avx2_conv_cpu.cpp,
// tile_conv_cpu.cpp.) The order of a value's sum does not depend on the number of images or threads.
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
  const void* other = nullptr;        // residual of the shape of `to`; may be null, or `to` itself
  bool relu = false;                  // NaN stays NaN
  void* to = nullptr;                 // [N, P, Q, K]; kInputGradient: [N, H, W, C]
};

// Whether direct_conv_cpu supports the convolution. With AVX-512: float32, or bfloat16 if the processor multiplies it
// (AVX512_BF16), C and K multiples of 64. With AMX: bfloat16, C and K multiples of 32. With AVX2 only: float32, C and K
// multiples of 16.
bool direct_conv_takes(const DirectConvArgs& args);
bool direct_conv_takes(const DirectConvArgs& args, WordProducts products);
// Whether it is supported and faster than oneDNN: with AVX2 up to 32 x 32 pixels, else with few pixels, and no 1 x 1
// kernel except the input gradient with AMX. Milliseconds, ours and oneDNN's, by channels at image size. AVX-512 on two
// cores of an EPYC, 125 images, 3 x 3:
//   bfloat16             512 at 2x2: 1.0, 4.3    512 at 4x4: 6.2, 11.1    256 at 8x8: 7.5, 8.2    64 at 8x8: 0.61, 0.63
//   float32              512 at 2x2: 2.0, 7.2    512 at 4x4: 12.5, 17.9   256 at 8x8: 14.9, 15.9  64 at 8x8: 1.11, 1.06
// float32 with AVX2, two cores of an EPYC 7003 (shared, so timings vary), 128 images, forward and then input gradient,
// each ours and oneDNN's, without packing (0.8 for 512 channels):
//   512 at 2x2: 6.1, 16 and 6.6, 17  512 at 4x4: 36, 51 and 39, 54    256 at 8x8: 46, 46 and 52, 56
//   128 at 16x16: 52, 60 and 56, 57  64 at 32x32: 51, 71 and 57, 69   64 at 8x8: 2.8, 3.6 and 2.8, 3.2
//   32 at 16x16: 3.3, 4.5 and 3.1, 4.0                                16 at 32x32: 3.8, 6.5 and 4.7, 7.3
//   with stride 2, 16 to 32 channels from 32x32: 3.4, 3.2 and 3.0, 7.6
//   64 to 128 channels, 1 x 1, stride 2: 4.3, 9.4 and 10, 24
// bfloat16 with AMX in both implementations, 128 images, two cores of a Sapphire Rapids:
//   512 at 2x2: 2.1, 22      512 at 4x4: 12, 43      256 at 8x8: 12, 19
//   64 at 8x8: 0.8, 1.1      128 at 16x16: 15, 13
bool direct_conv_pays(const DirectConvArgs& args);

std::int64_t direct_conv_weight_words(const ConvSizes& conv, ActivationType type);
// Packs `weight`, [K, kernel, kernel, C] of args.type, into direct_conv_weight_words(...) words.
void pack_direct_conv_weights(const DirectConvArgs& args, const void* weight, ConvWord* words);
void pack_direct_conv_weights(const DirectConvArgs& args, const void* weight, ConvWord* words, WordProducts products);
void direct_conv_cpu(const DirectConvArgs& args);
// Uses `products` instead of the processor's fastest; in float32 the result has the same bits.
void direct_conv_cpu(const DirectConvArgs& args, WordProducts products);

}  // namespace thalweg
