// The reference executor: runs a graph node by node with ATen in float32, as PyTorch would.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "nn/graph.h"

namespace thalweg {

enum class NormMode {
  kTrain,     // batch statistics; running statistics are updated with the node's momentum
  kEval,      // running statistics
  kEstimate,  // batch statistics; running statistics become exactly those of this batch (momentum 1)
};

// `parameters` and `buffers` are views as returned by Layout::views (or autograd leaves of the same shapes); `images`
// is float32 [N, C, H, W], already normalised. Returns the logits [N, num_classes]. Updates the buffers in place in
// kTrain and kEstimate (variance unbiased, as PyTorch stores it). Records autograd if the parameters require gradients.
at::Tensor run_eager(const Graph& graph, const std::vector<at::Tensor>& parameters,
                     const std::vector<at::Tensor>& buffers, const at::Tensor& images, NormMode mode);

// Sets `buffers` [num_buffers] to the batch-norm statistics of `images` (one batch) at `weights` [P]; no autograd.
void estimate_batch_norm(const Graph& graph, const at::Tensor& weights, const at::Tensor& buffers,
                         const at::Tensor& images);

}  // namespace thalweg
