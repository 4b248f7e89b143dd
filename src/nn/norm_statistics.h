// Computes the batch-norm statistics of a batch of images at given weights, as fast as training's forward pass. Its
// reference is estimate_batch_norm (nn/eager.h).
#pragma once

#include "nn/backprop.h"

namespace thalweg {

class NormStatistics {
 public:
  // `type` is that of activations, and of weights as convolutions see them: at::kFloat, at::kBFloat16 or at::kHalf.
  // Keeps a reference to the graph. `plans` is passed to Backprop.
  NormStatistics(const Graph& graph, c10::Device device, at::ScalarType type, ConvPlans* plans = nullptr);

  // `weights` is float32 [P] in row-major order on the device; `images` is of `type`, normalised, [N, C, H, W]
  // channels-last. Returns the running means and variances (unbiased) of the batch: float32 [num_buffers]. May be
  // captured into a CUDA graph after a first call.
  at::Tensor measure(const at::Tensor& weights, const at::Tensor& images);

 private:
  const Graph& graph_;
  at::Tensor weights_;  // in training order
  at::Tensor buffers_;
  Backprop backprop_;
};

}  // namespace thalweg
