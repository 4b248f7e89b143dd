// Versions of the weight gradient that weight_gradient_cpu.cpp alone calls. They need at least one image.
#pragma once

#include <cstdint>

#include "kernels/weight_gradient.h"

namespace thalweg {

// With AMX tiles: bfloat16, C and K multiples of 32.
std::int64_t tile_gradient_work(const WeightGradientArgs& args);
void tile_gradient_cpu(const WeightGradientArgs& args);

// With AVX2, for few weights: float32, C a multiple of 16.
std::int64_t avx2_gradient_work(const WeightGradientArgs& args);
void avx2_gradient_cpu(const WeightGradientArgs& args);

}  // namespace thalweg
