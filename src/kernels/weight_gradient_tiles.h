// The gradient by the weights by AMX's tiles: for weight_gradient_cpu.cpp alone. bfloat16, C and K multiples of 32, one
// image at least.
#pragma once

#include "kernels/weight_gradient.h"

namespace thalweg {

std::int64_t tile_gradient_work(const WeightGradientArgs& args);
void tile_gradient_cpu(const WeightGradientArgs& args);

}  // namespace thalweg
