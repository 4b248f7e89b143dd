// Runs a compiled graph: no autograd, fused steps, channels-last, in float32, bfloat16 or float16 (weights and
// activations; sums and logits are float32).
// CPU: convolutions with packed weights and fused bias, residual add and ReLU (nn/cpu_conv.h); float16 is a plain, slow
// emulation of what a GPU does (float32 sums, rounded once per step). CUDA: with plans (nn/gpu_conv.h), fused
// convolutions through cuDNN's graph API, otherwise cuDNN through ATen. Not thread-safe: use one evaluator per thread.
// Deterministic: the same images in the same batch give the same bits.
#pragma once

#include <cstdint>
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
  // `type` is at::kFloat, at::kBFloat16 or at::kHalf. `plans` must be of the device and outlive this object; a
  // convolution for which cuDNN has no plan runs through ATen (see refusal()).
  Evaluator(Program program, c10::Device device, at::ScalarType type = at::kFloat, ConvPlans* plans = nullptr);

  const Program& program() const { return program_; }
  c10::Device device() const { return device_; }
  at::ScalarType type() const { return type_; }

  // Sets the folded weights of one point, [folded_size] on the device: float32 or, on a GPU, type(). A tensor of type()
  // is not copied on a GPU but kept until the next load, so later writes to it take effect.
  void load(const at::Tensor& folded);

  // `images` is type() [N, C, H, W] on the device, normalised; channels-last is fastest, or contiguous if the network
  // flattens_images(). Returns float32 [N, num_classes], contiguous. load() must be called first.
  at::Tensor logits(const at::Tensor& images) const;
  // The same, given the output of the program's first `steps` steps, of type().
  at::Tensor logits_after(std::size_t steps, const at::Tensor& value) const;

  // `flag` (int32 scalar) is set to 1 if the magnitude of an activation exceeds `limit`.
  struct Watch {
    at::Tensor flag;
    float limit = 0;
  };
  // Writes loss, correctness and margin of the first labels.size(0) images; `images` is as above, with
  // program().input_channels channels. An image's values depend on the other images only through the convolutions'
  // plans. May be captured into a CUDA graph after a first call with this number of images.
  void losses(const at::Tensor& images, const at::Tensor& labels, const ImageValues& out,
              const Watch* watch = nullptr) const;

  bool flattens_images() const { return program_.steps.front().kind == StepKind::kFlatten; }
  // Why a convolution was not run by a plan; empty if all were.
  const std::string& refusal() const { return refusal_; }

 private:
  struct LayerWeights {
    at::Tensor weight;  // undefined if packed
    at::Tensor bias;
    PackedConv packed;  // for a convolution on the CPU
  };
  bool may_overflow() const;
  bool is_twin() const { return device_.is_cpu() && type_ == at::kHalf; }
  std::size_t steps_before_head() const;
  struct Steps {
    std::size_t begin, end;
  };
  at::Tensor run(const Steps& steps, const at::Tensor& value, const Watch* watch) const;
  at::Tensor run_planned(const Step& step, const at::Tensor& x, const std::optional<at::Tensor>& other) const;
  at::Tensor run_conv(const Step& step, const at::Tensor& x, const std::optional<at::Tensor>& other) const;
  at::Tensor run_step(const Step& step, const std::vector<at::Tensor>& slots) const;

  Program program_;
  c10::Device device_;
  at::ScalarType type_;
  std::vector<LayerWeights> layers_;  // by segment
  bool separate_relu_ = false;        // CPU: oneDNN's fused ReLU turns NaN into 0, and these weights could give NaN
  ConvPlans* plans_;
  // Filled by the first run, which is otherwise const.
  mutable std::set<std::pair<int, std::int64_t>> refused_;  // (segment, images) for which cuDNN has no plan
  mutable std::string refusal_;
};

// Folds plain weights and buffers (no plane). Returns float32 [folded_size] on the weights' device.
at::Tensor fold_weights(const Program& program, const at::Tensor& weights, const at::Tensor& buffers);

}  // namespace thalweg
