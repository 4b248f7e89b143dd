// Runs a compiled graph: no autograd, fused steps, channels-last, in float32 or bfloat16 (weights and activations; sums
// and logits are float32).
// CPU: oneDNN convolutions with packed weights, bias, residual add and ReLU fused. CUDA: cuDNN convolutions through
// ATen. Not thread-safe: one evaluator a thread. Determinism: the same images in the same batch give the same bits.
#pragma once

#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "nn/program.h"

namespace thalweg {

class Evaluator {
 public:
  // `type`: at::kFloat or at::kBFloat16.
  Evaluator(Program program, c10::Device device, at::ScalarType type = at::kFloat);

  const Program& program() const { return program_; }
  c10::Device device() const { return device_; }
  at::ScalarType type() const { return type_; }

  // Takes one point's folded weights, float32 [folded_size] on the device (kept alive until the next load).
  void load(const at::Tensor& folded);

  // images: type() [N, C, H, W] on the device, normalised, channels-last for speed. Returns float32 [N, num_classes],
  // contiguous. load() must have been called.
  at::Tensor logits(const at::Tensor& images) const;

 private:
  struct LayerWeights {
    at::Tensor weight;  // packed for oneDNN on the CPU
    at::Tensor bias;
  };
  bool may_overflow() const;
  at::Tensor run_conv(const Step& step, const at::Tensor& x, const std::optional<at::Tensor>& other) const;
  at::Tensor run_step(const Step& step, const std::vector<at::Tensor>& slots) const;

  Program program_;
  c10::Device device_;
  at::ScalarType type_;
  std::vector<LayerWeights> layers_;  // by segment
  bool separate_relu_ = false;        // CPU: oneDNN's fused ReLU turns NaN into 0, and these weights could give NaN
};

// Folded weights of plain weights and buffers (no plane): float32 [folded_size] on the weights' device.
at::Tensor fold_weights(const Program& program, const at::Tensor& weights, const at::Tensor& buffers);

}  // namespace thalweg
