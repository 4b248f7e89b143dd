// Maps a tensor's type to the kernels' name for it (kernels/activation.h).
#pragma once

#include <ATen/core/Tensor.h>

#include "base/error.h"
#include "kernels/activation.h"

namespace thalweg {

// Throws Error for types other than float32, bfloat16 and float16.
inline ActivationType activation_type_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return ActivationType::kFloat32;
    case at::kBFloat16:
      return ActivationType::kBFloat16;
    case at::kHalf:
      return ActivationType::kFloat16;
    default:
      fail("activations are float32, bfloat16 or float16, not {}", c10::toString(tensor.scalar_type()));
  }
}

}  // namespace thalweg
