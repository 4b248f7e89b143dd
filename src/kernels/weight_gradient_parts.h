// What weight_gradient_cpu.cpp leaves to others, for it alone. One image at least.
#pragma once

#include "kernels/weight_gradient.h"

namespace thalweg {

// By AMX's tiles: bfloat16, C and K multiples of 32.
std::int64_t tile_gradient_work(const WeightGradientArgs& args);
void tile_gradient_cpu(const WeightGradientArgs& args);

// By AVX2, of few weights: float32, C a multiple of 16.
std::int64_t avx2_gradient_work(const WeightGradientArgs& args);
void avx2_gradient_cpu(const WeightGradientArgs& args);

}  // namespace thalweg
