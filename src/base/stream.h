// The CUDA stream that LibTorch's own operations use on a device, for our kernels to join.
#pragma once

#include <c10/core/Device.h>

typedef struct CUstream_st* cudaStream_t;

namespace thalweg {

cudaStream_t current_stream(c10::Device device);

}  // namespace thalweg
