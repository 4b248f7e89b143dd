// Everything that changes during training. Random numbers are counter-based (base/rng.h): data order and augmentation
// follow from (seed, step), so there is no generator state to store.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "nn/graph.h"

namespace thalweg {

struct TrainState {
  at::Tensor weights;         // float32 [P]
  at::Tensor momentum;        // float32 [P]; AdamW's first moment
  at::Tensor buffers;         // float32 [num_buffers]
  at::Tensor epoch_sums;      // float64 [3] over the epoch so far: sum of losses, right answers, images
  at::Tensor second_moment;   // float32 [P] for AdamW, else undefined
  at::Tensor average;         // float32 [P] averaged weights, else undefined
  std::int64_t averaged = 0;  // steps in the average
  std::int64_t step = 0;      // updates done
};

// The state at step 0: zero moments, no average.
TrainState fresh_state(const at::Tensor& weights, const at::Tensor& buffers);

}  // namespace thalweg
