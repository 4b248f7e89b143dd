// Selects the images of each step and how they are mixed, as a function of (seed, step) alone.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "kernels/step_control.h"
#include "nn/images.h"
#include "train/config.h"

namespace thalweg {

// The order of the images in an epoch: a permutation of [0, n) that depends only on (seed, epoch). int64 [n], CPU.
at::Tensor epoch_order(std::uint64_t seed, std::int64_t epoch, std::int64_t n);

// The last batch of an epoch is smaller if n is not a multiple of the batch size.
std::int64_t steps_per_epoch(std::int64_t num_images, std::int64_t batch);

// The weight of the first image in a step's mixture, drawn from Beta(alpha, alpha); 1 if alpha is 0.
double mixup_share(std::uint64_t seed, std::int64_t step, double alpha);

class Batches {
 public:
  // Keeps a reference to the images.
  Batches(const ImageBatches& images, const TrainConfig& config, std::uint64_t seed, c10::Device device);

  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }
  // Returns the number of images in the step's batch and writes its position, epoch and mixture to `control`.
  std::int64_t begin(std::int64_t step, StepControl& control);
  // Returns `size` images of that batch, starting at image `offset`. `control` points to device memory.
  ImageBatches::TrainingBatch slice(std::int64_t offset, std::int64_t size, const StepControl* control,
                                    at::ScalarType type, at::MemoryFormat format) const;

 private:
  const ImageBatches& images_;
  const TrainConfig& config_;
  std::uint64_t seed_;
  std::int64_t steps_per_epoch_;
  std::int64_t epoch_ = -1;  // the epoch of order_
  std::int64_t size_ = 0;    // of the current step's batch
  at::Tensor order_;         // int64 [n] on the device; always the same memory
};

}  // namespace thalweg
