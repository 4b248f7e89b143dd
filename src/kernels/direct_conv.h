// A convolution on a CPU, channels-last, that multiplies no padding:
//
//   forward:         y[n, p, q, k]  = sum over r, s, c of w[k, r, s, c] *  x[n, p * stride + r - padding, q * stride +
//   s - padding, c] input gradient:  dx[n, h, w, c] = sum over r, s, k of w[k, r, s, c] * dy[n, p, q, k], the pixels
//   the other way around
//
// in float32, or in bfloat16 with float32 sums. oneDNN multiplies the padding's zeros: of a 3 x 3 kernel's products 31
// % on a 4 x 4 image, 56 % on a 2 x 2 one.
//
// Sums of a few images and kPanel output channels stay in the second-level cache; each tap of the kernel, and within it
// each block of input channels, is a matrix product of those pixels that the tap meets, added to them. A value's sum
// has one order, whatever the number of images and threads.
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

// Whether direct_conv_cpu can: float32 on a processor with AVX-512, or bfloat16 on one with its bfloat16 products, C
// and K multiples of 64.
bool direct_conv_takes(const DirectConvArgs& args);
// Whether it is also faster than oneDNN's: few pixels, no AMX for the type. Milliseconds of 3 x 3 on 125 images in
// bfloat16, ours and oneDNN's, on two cores of an EPYC: 512 channels of 2 x 2: 1.0, 4.3; of 4 x 4: 6.2, 11.1; 256 of 8
// x 8: 7.5, 8.2; 128 of 16 x 16: 8.4, 8.3; 256 of 8 x 8 to 512 of 4 x 4: 3.9, 6.6. In
// float32: 2.0, 7.2; 12.5, 17.9; 14.9, 15.9.
bool direct_conv_pays(const DirectConvArgs& args);

std::int64_t direct_conv_weight_words(const ConvSizes& conv, ActivationType type);
// weight: [K, kernel, kernel, C] of args.type. Writes direct_conv_weight_words.
void pack_direct_conv_weights(const DirectConvArgs& args, const void* weight, ConvWord* words);
void direct_conv_cpu(const DirectConvArgs& args);
// By narrower products than the processor has: the same bits in float32.
void direct_conv_cpu(const DirectConvArgs& args, WordProducts products);

}  // namespace thalweg
