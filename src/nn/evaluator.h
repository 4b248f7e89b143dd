// Runs a compiled graph: no autograd, fused steps, channels-last, in float32, bfloat16 or float16 (weights and
// activations; sums and logits are float32).
// CPU: convolutions with packed weights, bias, residual add and ReLU fused (nn/cpu_conv.h); float16 is a plain twin of
// what a GPU does (float32 sums, rounded once a step), not fast. CUDA: with plans (nn/gpu_conv.h) fused convolutions by
// cuDNN's graph API, else cuDNN's through ATen. Not thread-safe: one evaluator a thread. Determinism: the same images
// in the same batch give the same bits.
#pragma once

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "nn/cpu_conv.h"
#include "nn/gpu_conv.h"
#include "nn/images.h"
#include "nn/program.h"

namespace thalweg {

class Evaluator {
 public:
  // `type`: at::kFloat, at::kBFloat16 or at::kHalf. `plans`, of the device, must outlive this; a convolution that cuDNN
  // has no plan for goes through ATen (`refusal`).
  Evaluator(Program program, c10::Device device, at::ScalarType type = at::kFloat, ConvPlans* plans = nullptr);

  const Program& program() const { return program_; }
  c10::Device device() const { return device_; }
  at::ScalarType type() const { return type_; }

  // Takes one point's folded weights [folded_size] on the device, float32, or on a GPU of type() (kept alive until the
  // next load; what is written there later counts).
  void load(const at::Tensor& folded);

  // images: type() [N, C, H, W] on the device, normalised, for speed channels-last, or contiguous where the network
  // flattens_images(). Returns float32 [N, num_classes], contiguous. load() must have been called.
  at::Tensor logits(const at::Tensor& images) const;

  // Where to note (int32 scalar, set to 1) that an activation was beyond `limit`.
  struct Watch {
    at::Tensor flag;
    float limit = 0;
  };
  // Writes loss, right answer and margin of the first labels.size(0) images; `images` as above, with
  // program().input_channels. An image's values do not depend on the others but through the convolutions' plans. May be
  // captured into a CUDA graph after a first call with this number of images.
  void losses(const at::Tensor& images, const at::Tensor& labels, const ImageValues& out,
              const Watch* watch = nullptr) const;

  bool flattens_images() const { return program_.steps.front().kind == StepKind::kFlatten; }
  // Why a convolution was not run by a plan; empty where all were.
  const std::string& refusal() const { return refusal_; }

 private:
  struct LayerWeights {
    at::Tensor weight;  // undefined where packed
    at::Tensor bias;
    PackedConv packed;  // of a convolution on the CPU
  };
  bool may_overflow() const;
  bool is_twin() const { return device_.is_cpu() && type_ == at::kHalf; }
  std::size_t steps_before_head() const;
  at::Tensor run(const at::Tensor& images, std::size_t num_steps, const Watch* watch) const;
  at::Tensor run_planned(const Step& step, const at::Tensor& x, const std::optional<at::Tensor>& other) const;
  at::Tensor run_conv(const Step& step, const at::Tensor& x, const std::optional<at::Tensor>& other) const;
  at::Tensor run_step(const Step& step, const std::vector<at::Tensor>& slots) const;

  Program program_;
  c10::Device device_;
  at::ScalarType type_;
  std::vector<LayerWeights> layers_;  // by segment
  bool separate_relu_ = false;        // CPU: oneDNN's fused ReLU turns NaN into 0, and these weights could give NaN
  ConvPlans* plans_;
  // Found out by the first run, which is otherwise const.
  mutable std::set<std::pair<int, std::int64_t>> refused_;  // segment, images: cuDNN has no plan
  mutable std::string refusal_;
};

// Folded weights of plain weights and buffers (no plane): float32 [folded_size] on the weights' device.
at::Tensor fold_weights(const Program& program, const at::Tensor& weights, const at::Tensor& buffers);

}  // namespace thalweg
