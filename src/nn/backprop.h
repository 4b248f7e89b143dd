// The training executor: runs the forward and backward passes of a graph as explicit steps on views of flat vectors,
// channels-last, with batch norm, residual add and ReLU in one kernel (kernels/norm.h). Its reference is nn/eager.h
// under autograd.
//
// The bias gradient of a convolution read only by a batch norm is set to 0, its exact value: the norm subtracts the
// mean.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "kernels/norm.h"
#include "nn/cpu_conv.h"
#include "nn/gpu_conv.h"
#include "nn/train_program.h"

namespace thalweg {

class Backprop {
 public:
  struct Vectors {
    at::Tensor weights;   // float32 [P], in training order (Layout::training_views)
    at::Tensor gradient;  // float32 [P], likewise; written by backward
    at::Tensor buffers;   // float32 [num_buffers]; forward updates the running statistics
  };
  // Activations, and the weights as convolutions and linear layers see them, are of `type`: at::kFloat, at::kBFloat16
  // or, for forward passes only, at::kHalf (gradients would need a scale); everything else is float32. Keeps references
  // to `graph` and to the vectors' storage. Convolutions run through `plans`, which must be of the vectors' GPU and
  // outlive this object, or through nn/cpu_conv.h (on a GPU: LibTorch) if it is null.
  Backprop(const Graph& graph, const Vectors& vectors, at::ScalarType type, ConvPlans* plans = nullptr);

  at::ScalarType activation_type() const { return type_; }

  // `images` is [N, C, H, W] of activation_type(), channels-last. Returns the logits, float32 [N, num_classes], and
  // keeps what backward needs. If `update_statistics` is false, the running statistics do not change (for a second pass
  // over the same images).
  at::Tensor forward(const at::Tensor& images, bool update_statistics = true);
  // Sets the running statistics to those of these images (variances unbiased, as with a momentum of 1). Stops after the
  // last batch norm, and frees each activation after its last use.
  void measure_statistics(const at::Tensor& images);
  // Sets the gradient vector for the last forward pass; `logits_gradient` is float32 [N, num_classes].
  void backward(const at::Tensor& logits_gradient);

 private:
  struct NormState {
    at::Tensor mean;    // float32 [C] of the last batch
    at::Tensor invstd;  // float32 [C]
  };
  at::Tensor& value(int node) { return values_[static_cast<std::size_t>(node)]; }
  at::Tensor run_forward(const TrainOp& op);
  GpuConv planned(const Node& node) const { return {*plans_, node.stride, node.padding}; }
  CpuConv unplanned(const Node& node) { return {node.stride, node.padding, &work_}; }
  at::Tensor convolve(const TrainOp& op);
  at::Tensor norm_forward(const TrainOp& op);
  void run_backward(const TrainOp& op);
  void conv_backward(const TrainOp& op, const at::Tensor& dy);
  void norm_backward(const TrainOp& op, const at::Tensor& dy);
  void linear_backward(const TrainOp& op, const at::Tensor& dy);
  void add_gradient(int node, const at::Tensor& gradient);
  at::Tensor optional_parameter(int index) const;
  at::Tensor& norm_partial(const NormShape& shape);

  const Graph& graph_;
  at::ScalarType type_;
  ConvPlans* plans_;
  bool update_statistics_ = true;
  bool measuring_ = false;
  std::vector<TrainOp> ops_;
  at::Tensor weights_;                  // the flat vector
  at::Tensor low_;                      // copy of it in `type`, undefined for float32
  std::vector<at::Tensor> parameters_;  // float32 views, by parameter
  std::vector<at::Tensor> compute_;     // the same as convolutions and linear layers see them
  std::vector<at::Tensor> gradients_;   // float32 views, by parameter
  std::vector<at::Tensor> buffers_;     // views, by buffer
  std::vector<bool> only_normed_;       // by node: a convolution that only a batch norm reads
  std::vector<at::Tensor> values_;      // by node, of the last forward
  std::vector<at::Tensor> deltas_;      // by node: gradient of the loss with respect to its value
  std::vector<at::Tensor> pool_index_;  // by node
  std::vector<NormState> norms_;        // by node
  at::Tensor partial_;                  // workspace of the norms
  at::Tensor work_;                     // workspace of convolutions on the CPU
};

}  // namespace thalweg
