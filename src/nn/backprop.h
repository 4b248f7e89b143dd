// The training executor: forward and backward of a graph as explicit steps on views of flat vectors, channels-last,
// with batch norm, residual add and ReLU in one kernel (kernels/norm.h). nn/eager.h under autograd is its reference.
//
// The gradient of a convolution's bias in front of a batch norm is set to 0, which it is: the norm takes the mean away.
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
    at::Tensor buffers;   // float32 [num_buffers]; running statistics move in forward
  };
  // Activations, and the weights as convolutions see them, are of `type`: at::kFloat, at::kBFloat16, or (forward alone:
  // gradients would need a scale) at::kHalf; all else stays float32. Keeps the vectors' storage. Convolutions are run
  // by `plans`, of the vectors' GPU, which must outlive this; without them by LibTorch.
  Backprop(const Graph& graph, const Vectors& vectors, at::ScalarType type, ConvPlans* plans = nullptr);

  at::ScalarType activation_type() const { return type_; }

  // images [N, C, H, W] of activation_type(), channels-last. Returns logits float32 [N, num_classes]. Keeps what
  // backward needs. With `update_statistics` false the running statistics stay (a second pass over the same images).
  at::Tensor forward(const at::Tensor& images, bool update_statistics = true);
  // The statistics that batch norms find in these images become the running ones (variances unbiased, as a momentum of
  // 1 gives). Goes as far as the last batch norm, and keeps no activation longer than it is read.
  void measure_statistics(const at::Tensor& images);
  // Of the last forward; `logits_gradient` float32 [N, num_classes]. Sets the gradient vector.
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
  at::Tensor weights_;                  // the vector
  at::Tensor low_;                      // copy of it in the type, undefined in float32
  std::vector<at::Tensor> parameters_;  // float32 views, by parameter
  std::vector<at::Tensor> compute_;     // the same as convolutions and linear layers see them
  std::vector<at::Tensor> gradients_;   // float32 views, by parameter
  std::vector<at::Tensor> buffers_;     // views, by buffer
  std::vector<bool> only_normed_;       // by node: a convolution that a batch norm reads and nothing else
  std::vector<at::Tensor> values_;      // by node, of the last forward
  std::vector<at::Tensor> deltas_;      // by node: gradient of the loss with respect to its value
  std::vector<at::Tensor> pool_index_;  // by node
  std::vector<NormState> norms_;        // by node
  at::Tensor partial_;                  // work space of the norms
  at::Tensor work_;                     // work space of convolutions on the CPU
};

}  // namespace thalweg
