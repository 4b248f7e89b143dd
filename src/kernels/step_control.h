// What changes from step to step, in memory that the kernels read (host memory on a CPU): a captured CUDA graph runs
// again without new arguments.
#pragma once

#include <cstdint>

typedef struct CUstream_st* cudaStream_t;

namespace thalweg {

struct StepControl {
  std::int64_t position = 0;    // of the batch's first image in the epoch's order
  std::uint32_t epoch = 0;      // names the augmentation's random numbers
  float lr = 0;                 // learning rate
  float mix = 1;                // mixup: share of the first image
  float first_correction = 1;   // AdamW: 1 - beta1^t of the t-th update
  float second_correction = 1;  // AdamW: 1 - beta2^t
};

// Writes *control, device memory, in the stream's order; `values` need not outlive the call.
void set_control_cuda(StepControl* control, const StepControl& values, cudaStream_t stream);

}  // namespace thalweg
