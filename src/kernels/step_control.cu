// The values are passed as a kernel argument, which the launch copies: this needs no pinned memory and no waiting.
#include "kernels/launch.cuh"
#include "kernels/step_control.h"

namespace thalweg {
namespace {

__global__ void set_control_kernel(StepControl* control, StepControl values) {
  *control = values;
}

}  // namespace

void set_control_cuda(StepControl* control, const StepControl& values, cudaStream_t stream) {
  launch("set_control", set_control_kernel, {dim3(1), dim3(1)}, stream, control, values);
}

}  // namespace thalweg
