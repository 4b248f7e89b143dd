#include "base/stream.h"

#include <c10/cuda/CUDAStream.h>

namespace thalweg {

cudaStream_t current_stream(c10::Device device) {
  return c10::cuda::getCurrentCUDAStream(device.index()).stream();
}

}  // namespace thalweg
