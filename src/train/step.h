// One step of training: batch, forward, loss, backward, update, all on views of flat vectors.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "nn/graph.h"
#include "nn/images.h"
#include "train/config.h"

namespace thalweg {

// Everything that changes while training, on the training device. The random numbers are counters (base/rng.h), so data
// order and augmentation follow from (seed, step): there is no generator state to keep.
struct TrainState {
  at::Tensor weights;     // float32 [P]
  at::Tensor momentum;    // float32 [P]
  at::Tensor buffers;     // float32 [num_buffers]
  at::Tensor epoch_sums;  // float64 [3]: loss summed over images, right answers, images of the epoch so far
  std::int64_t step = 0;  // updates done
};

// Order of the images of an epoch: a permutation of [0, n), a function of (seed, epoch) alone. int64 [n], CPU.
at::Tensor epoch_order(std::uint64_t seed, std::int64_t epoch, std::int64_t n);

// The last batch of an epoch is smaller where n is not a multiple of the batch size.
std::int64_t steps_per_epoch(std::int64_t num_images, std::int64_t batch);

class TrainStep {
 public:
  // Binds to the state's tensors: they must stay the same storage while this lives.
  TrainStep(const Graph& graph, const ImageBatches& images, const TrainConfig& config, std::uint64_t seed,
            TrainState& state);

  // Does update number state.step with rate `lr` and counts it. Returns the batch's mean loss (float32 scalar on the
  // device, not read here).
  at::Tensor run(double lr);

 private:
  at::Tensor batch_indices();

  const Graph& graph_;
  const ImageBatches& images_;
  const TrainConfig& config_;
  std::uint64_t seed_;
  TrainState& state_;
  std::int64_t steps_per_epoch_;
  at::Tensor gradient_;              // float32 [P]
  at::Tensor decay_;                 // float32 [P]: weight decay of each parameter
  std::vector<at::Tensor> leaves_;   // autograd leaves sharing state_.weights' storage; .grad are views of gradient_
  std::vector<at::Tensor> buffers_;  // views of state_.buffers
  std::int64_t epoch_ = -1;          // epoch of order_
  at::Tensor order_;                 // int64 [n] on the device
};

}  // namespace thalweg
