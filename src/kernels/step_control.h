// The values that change from step to step, in memory that the kernels read (host memory on a CPU), so that a captured
// CUDA graph can be replayed without new arguments.
#pragma once

#include <cstdint>

#include "base/cuda.h"

namespace thalweg {

struct StepControl {
  std::int64_t position = 0;    // position of the batch's first image in the epoch's order
  std::uint32_t epoch = 0;      // selects the augmentation's random numbers
  float lr = 0;                 // learning rate
  float mix = 1;                // mixup: weight of the first image
  float first_correction = 1;   // AdamW: 1 - beta1^t at the t-th update
  float second_correction = 1;  // AdamW: 1 - beta2^t
};

// Writes `values` to *control, in device memory, in stream order. `values` need not outlive the call.
void set_control_cuda(StepControl* control, const StepControl& values, cudaStream_t stream);

}  // namespace thalweg
