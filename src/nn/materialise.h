// The tensor interface of kernels/materialise.h: computes the weights of points of a plane, on the plane's device.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "nn/program.h"

namespace thalweg {

struct PlaneVectors {
  at::Tensor origin;  // float32 [P], contiguous, all three on one device
  at::Tensor d1;
  at::Tensor d2;
};

class PlaneMaterialiser {
 public:
  PlaneMaterialiser(const Program& program, PlaneVectors plane);

  // `coordinates` is float32 [B, 2] on the device. Returns w(p), float32 [B, P].
  at::Tensor weights(const at::Tensor& coordinates) const;
  // Returns the weights with batch norm folded, float32 [B, folded_size]. `buffers` is float32 [num_buffers] (one set
  // for all points) or [B, num_buffers].
  at::Tensor folded(const at::Tensor& coordinates, const at::Tensor& buffers) const;
  // Writes the same to `out` [B, folded_size], of float32, bfloat16 or float16. `overflowed` is undefined or int32 [B]:
  // a point's element is set to 1 if one of its weights is not finite in that type.
  void fold_into(const at::Tensor& out, const at::Tensor& coordinates, const at::Tensor& buffers,
                 const at::Tensor& overflowed = {}) const;

 private:
  PlanePointers pointers() const;

  PlaneVectors plane_;
  at::Tensor segments_;  // the program's FoldSegments as bytes on the device
  int num_segments_ = 0;
  std::int64_t folded_size_ = 0;
};

}  // namespace thalweg
