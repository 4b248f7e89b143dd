// One training step: batch, forward, loss, backward and update, all on flat vectors in training order (nn/layout.h); on
// a GPU as one CUDA graph that never waits for the host.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>

#include <ATen/core/Tensor.h>

#include "nn/backprop.h"
#include "nn/captured_work.h"
#include "train/batches.h"
#include "train/optimizer.h"
#include "train/state.h"

namespace thalweg {

// Statistics of one update, at the weights before it. Reading them waits for the device.
struct StepStatistics {
  double gradient_norm = 0;
  double weight_norm = 0;
  double update_ratio = 0;  // norm of the weights' change over weight_norm
  // Gradient noise scale tr(Sigma) / |G|^2 in images (McCandlish et al. 2018, appendix A.1), estimated from the whole
  // batch and its first half; both parts are unbiased but noisy. NaN if the estimate of |G|^2 is not positive, and with
  // mixup, where the two halves are made of the same images.
  double noise_scale = 0;
};

class TrainStep {
 public:
  // `start` is in row-major order. Keeps references to graph, images and config.
  TrainStep(const Graph& graph, const ImageBatches& images, const TrainConfig& config, std::uint64_t seed,
            const TrainState& start);
  TrainStep(const TrainStep&) = delete;
  TrainStep& operator=(const TrainStep&) = delete;

  // Makes the next update with rate `lr` and counts it. Returns the batch's mean loss before the update (a float32
  // scalar on the device, which is not read here and which the next step overwrites).
  at::Tensor run(double lr);
  // Does the same and computes statistics, which costs half a step more.
  at::Tensor run(double lr, StepStatistics& statistics);

  std::int64_t step() const { return state_.step; }  // updates done
  // The convolution plans: earlier choices can be adopted before the first step, and the choices made by the first step
  // of each batch size can be saved. nullptr if LibTorch runs convolutions: on a CPU, or if the configuration says so.
  ConvPlans* conv_plans() { return plans_.get(); }
  // Return copies in row-major order, on the training device.
  TrainState state() const;
  at::Tensor weights() const;
  // Undefined before the first step of the average.
  at::Tensor average() const;
  const at::Tensor& buffers() const { return state_.buffers; }
  // The sums over the epoch so far; zero_epoch_sums() starts the next epoch.
  const at::Tensor& epoch_sums() const { return state_.epoch_sums; }
  void zero_epoch_sums() { state_.epoch_sums.zero_(); }

 private:
  struct DeletePlans {
    void operator()(ConvPlans* plans) const;
  };
  struct Pass {
    bool first = true;  // updates running statistics and the epoch's sums
  };
  void begin(double lr);
  void work();
  void compute_gradient(std::int64_t size, const Pass& pass);
  void compute_slice(std::int64_t offset, std::int64_t size, std::int64_t whole, const Pass& pass);
  void sharpen_gradient();
  void end();
  double half_batch_gradient_norm();
  std::unique_lock<std::mutex> lock_first_statistics();

  const Graph& graph_;
  const TrainConfig& config_;
  TrainState state_;  // in training order
  Batches batches_;
  at::Tensor gradient_;  // float32 [P]
  at::Tensor total_;     // float32 [P] with accumulation: the sum over slices
  at::Tensor saved_;     // float32 [P] with SAM: the weights, while the gradient is taken elsewhere
  std::unique_ptr<ConvPlans, DeletePlans> plans_;
  Backprop backprop_;
  Optimizer optimizer_;
  CapturedWork graphs_;
  at::Tensor control_;       // StepControl on the device
  at::Tensor scratch_sums_;  // float64 [3] for passes that are not counted
  at::Tensor loss_;          // float32 scalar
  at::Tensor scratch_loss_;
  std::int64_t batch_size_ = 0;              // of the current step
  std::set<std::int64_t> statistics_sizes_;  // batch sizes of the steps with statistics so far
};

}  // namespace thalweg
