#include "base/stream.h"

#include <ATen/Context.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cudnn/Handle.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGraphsC10Utils.h>
#include <c10/cuda/CUDAStream.h>

namespace thalweg {

namespace {

void make_current(c10::Device device) {
  c10::cuda::set_device(device.index() < 0 ? static_cast<c10::DeviceIndex>(0) : device.index());
  // As the first tensor would: this sets up the allocator's table of devices, which library handles allocate memory
  // from.
  at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
}

}  // namespace

void use_device(c10::Device device, bool deterministic) {
  if (!device.is_cuda()) return;
  make_current(device);
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
  at::globalContext().setAllowFP16ReductionCuBLAS(false);
  at::globalContext().setAllowBF16ReductionCuBLAS(false);
  at::globalContext().setDeterministicCuDNN(deterministic);
  at::globalContext().setBenchmarkCuDNN(!deterministic);
}

void use_own_stream(c10::Device device) {
  if (!device.is_cuda()) return;
  make_current(device);
  c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(false, device.index()));
  const std::unique_lock lock = capture_lock();
  at::cuda::getCurrentCUDABlasHandle();
  at::native::getCudnnHandle();
}

std::unique_lock<std::mutex> capture_lock() {
  static std::mutex mutex;  // process-wide, as is what it guards
  return std::unique_lock(mutex);
}

bool is_capturing() {
  return at::hasCUDA() && c10::cuda::currentStreamCaptureStatusMayInitCtx() != c10::cuda::CaptureStatus::None;
}

cudaStream_t current_stream(c10::Device device) {
  return c10::cuda::getCurrentCUDAStream(device.index()).stream();
}

}  // namespace thalweg
