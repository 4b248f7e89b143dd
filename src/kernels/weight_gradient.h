// The gradient of a convolution with respect to its weights on a CPU, channels-last, written directly as float32:
//
//   dw[k, r, s, c] = sum over n, p, q of dy[n, p, q, k] * x[n, p * stride + r - padding, q * stride + s - padding, c]
//
// Pixels of the padding are skipped, which is why this beats oneDNN: 31 % of a 3 x 3 kernel's taps lie outside a 4 x 4
// image, 56 % outside a 2 x 2 one.
//
// Images are processed in chunks, whose x and dy are first packed into panels of a few channels; then each tile of
// weights, of one panel of dy and one of x, is summed in registers. In bfloat16 a word holds the values of two images,
// because the processor multiplies and adds pairs. (Panels for AMX: tile_gradient_cpu.cpp; few weights with AVX2:
// avx2_gradient_cpu.cpp.) Each weight is summed by one thread in the order of the images, or in parts that depend on
// the number of images only, so results do not depend on the number of threads.
#pragma once

#include <cstdint>

#include "kernels/conv_taps.h"

namespace thalweg {

struct WeightGradientArgs {
  ConvSizes conv;
  ActivationType type = ActivationType::kFloat32;
  const void* x = nullptr;   // [N, H, W, C]
  const void* dy = nullptr;  // [N, P, Q, K]
  float* dw = nullptr;       // [K, kernel, kernel, C], overwritten
  ConvWord* work = nullptr;  // scratch space of weight_gradient_work(args) words
};

// Whether weight_gradient_cpu supports the convolution. With AVX-512: float32, or bfloat16 if the processor multiplies
// it (AVX512_BF16), C a multiple of 32 and K of 8. With AMX: bfloat16, C and K multiples of 32. With AVX2: float32, C a
// multiple of 16.
bool weight_gradient_takes(const WeightGradientArgs& args);
bool weight_gradient_takes(const WeightGradientArgs& args, WordProducts products);
// Whether it is supported and faster than oneDNN: with AVX-512, many channels and few pixels; always with AMX; with
// AVX2, up to 32 x 32 pixels, except 1 x 1 kernels of many weights. Milliseconds of 3 x 3 kernels at batch 128, ours
// and oneDNN's, by channels at image size.
// bfloat16 on two cores of an EPYC:
//   512 at 4x4: 6.6, 22.7    256 at 8x8: 8.9, 11.9    128 at 16x16: 11.2, 11.1
// bfloat16 with AMX in both implementations, on two cores of a Sapphire Rapids:
//   512 at 4x4: 13, 120      256 at 8x8: 15, 51       128 at 16x16: 17, 27    64 at 32x32: 21, 25
// float32 with AVX2 on two cores of an EPYC 7003 (shared, so timings vary):
//   512 at 2x2: 6.6, 69      512 at 4x4: 39, 82       256 at 8x8: 55, 77      128 at 16x16: 69, 95
//   64 at 32x32: 75, 91      64 at 8x8: 3.7, 5.9      32 at 16x16: 4.0, 5.6   16 at 32x32: 4.6, 7.4
//   1 x 1 with stride 2, 16 to 32 channels from 32x32: 0.38, 0.60; 64 to 128: 12, 6.1
bool weight_gradient_pays(const WeightGradientArgs& args);
std::int64_t weight_gradient_work(const WeightGradientArgs& args);
std::int64_t weight_gradient_work(const WeightGradientArgs& args, WordProducts products);
void weight_gradient_cpu(const WeightGradientArgs& args);
// Uses `products` instead of the processor's fastest.
void weight_gradient_cpu(const WeightGradientArgs& args, WordProducts products);

}  // namespace thalweg
