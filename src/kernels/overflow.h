// Detects activations near the limits of their type. A convolution with a fused ReLU may turn the NaN that follows an
// overflow into 0, so losses alone do not reveal one.
#pragma once

#include <cstdint>

#include "base/cuda.h"
#include "kernels/activation.h"

namespace thalweg {

struct OverflowArgs {
  ActivationType type = ActivationType::kFloat32;
  const void* values = nullptr;  // [n]
  std::int64_t n = 0;
  float limit = 0;
  std::int32_t* flag = nullptr;  // set to 1 if a value's magnitude exceeds the limit or is NaN; never reset
};

THALWEG_HD inline bool is_beyond(float x, float limit) {
  return !(x <= limit && x >= -limit);
}

void find_overflow_cpu(const OverflowArgs& args);
void find_overflow_cuda(const OverflowArgs& args, cudaStream_t stream);

}  // namespace thalweg
