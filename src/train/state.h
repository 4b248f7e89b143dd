// Everything that changes while training. The random numbers are counters (base/rng.h), so data order and augmentation
// follow from (seed, step): there is no generator state to keep.
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
  at::Tensor epoch_sums;      // float64 [3]: loss summed over images, right answers, images of the epoch so far
  at::Tensor second_moment;   // float32 [P] of AdamW, else undefined
  at::Tensor average;         // float32 [P] averaged weights, undefined where they are not asked for
  std::int64_t averaged = 0;  // steps that the average holds
  std::int64_t step = 0;      // updates done
};

// Step 0: zero moments, no average.
TrainState fresh_state(const at::Tensor& weights, const at::Tensor& buffers);

}  // namespace thalweg
