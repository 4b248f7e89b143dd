// The gradient of a convolution by its weights on a CPU, channels-last, straight into float32:
//
//   dw[k, r, s, c] = sum over n, p, q of dy[n, p, q, k] * x[n, p * stride + r - padding, q * stride + s - padding, c]
//
// Pixels of the padding count nothing and cost nothing, which is where this beats oneDNN: of a 3 x 3 kernel's taps 31 %
// lie outside of a 4 x 4 image, 56 % outside of a 2 x 2 one.
//
// Images are taken in chunks, whose x and dy are first laid out in panels of some channels; then each tile of weights,
// of a panel each, is a sum kept in registers. In bfloat16 two images go into one word, as the processor multiplies and
// adds pairs. (AMX's panels: tile_gradient_cpu.cpp; few weights by AVX2: avx2_gradient_cpu.cpp.) Each weight is summed
// by one thread in the order of the images, or so in parts that their number alone decides: results do not depend on
// the number of threads.
#pragma once

#include <cstdint>

#include "kernels/conv_taps.h"

namespace thalweg {

struct WeightGradientArgs {
  ConvSizes conv;
  ActivationType type = ActivationType::kFloat32;
  const void* x = nullptr;   // [N, H, W, C]
  const void* dy = nullptr;  // [N, P, Q, K]
  float* dw = nullptr;       // [K, kernel, kernel, C], written
  ConvWord* work = nullptr;  // weight_gradient_work(args) words
};

// Whether weight_gradient_cpu can: float32 on a processor with AVX-512, or bfloat16 on one with its bfloat16 products,
// C a multiple of 32 and K of 8; of 32 where it has AMX and the type is bfloat16. Float32 by AVX2, C a multiple of 16.
bool weight_gradient_takes(const WeightGradientArgs& args);
bool weight_gradient_takes(const WeightGradientArgs& args, WordProducts products);
// Whether it is also faster than oneDNN's: many channels and few pixels, or always by AMX. In float32 by AVX2 up to
// 32 x 32 pixels, but no 1 x 1 kernel of many weights. Milliseconds of 3 x 3 at batch 128, ours and oneDNN's, channels
// at image size.
// bfloat16 on two cores of an EPYC:
//   512 at 4x4: 6.6, 22.7    256 at 8x8: 8.9, 11.9    128 at 16x16: 11.2, 11.1
// bfloat16 by AMX, both, on two of a Sapphire Rapids:
//   512 at 4x4: 13, 120      256 at 8x8: 15, 51       128 at 16x16: 17, 27    64 at 32x32: 21, 25
// float32 by AVX2 on two of an EPYC 7003 (a shared one, whose rates vary):
//   512 at 2x2: 6.6, 69      512 at 4x4: 39, 82       256 at 8x8: 55, 77      128 at 16x16: 69, 95
//   64 at 32x32: 75, 91      64 at 8x8: 3.7, 5.9      32 at 16x16: 4.0, 5.6   16 at 32x32: 4.6, 7.4
//   1 x 1 with stride 2, 16 to 32 channels from 32x32: 0.38, 0.60; 64 to 128: 12, 6.1
bool weight_gradient_pays(const WeightGradientArgs& args);
std::int64_t weight_gradient_work(const WeightGradientArgs& args);
std::int64_t weight_gradient_work(const WeightGradientArgs& args, WordProducts products);
void weight_gradient_cpu(const WeightGradientArgs& args);
// By other products than the processor's fastest.
void weight_gradient_cpu(const WeightGradientArgs& args, WordProducts products);

}  // namespace thalweg
