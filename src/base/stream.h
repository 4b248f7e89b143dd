// The process's choice of GPU, and the CUDA stream that LibTorch's own operations use there, which our kernels join.
#pragma once

#include <mutex>

#include <c10/core/Device.h>

#include "base/cuda.h"

namespace thalweg {

// Makes `device` the current device. On a GPU, "float32" then means float32 (cuDNN's default is TF32, with a 10-bit
// mantissa), products of float16 and bfloat16 are accumulated in float32, and cuDNN uses deterministic algorithms
// chosen without timing, so that a resumed run gives the same bits. With `deterministic` false, cuDNN uses the
// algorithms that were fastest when first tried. A CPU is always deterministic.
void use_device(c10::Device device, bool deterministic = true);

// The size of LibTorch's stream pool: one more thread would share the first thread's stream.
inline constexpr int kMaxStreams = 32;
// Makes `device` current for the calling thread, with a CUDA stream on which no other thread's work is queued. Creates
// the libraries' handles, so that none is created while another thread captures a graph.
void use_own_stream(c10::Device device);

// Locks a process-wide mutex, which a thread must hold while it captures a CUDA graph or runs for the first time what
// it will capture (libraries then load kernels and create handles, and candidates are timed). LibTorch keeps a list of
// graphs without a lock of its own.
std::unique_lock<std::mutex> capture_lock();

// Whether a CUDA graph is being captured on the current stream of the current GPU; false if no GPU was used.
bool is_capturing();

cudaStream_t current_stream(c10::Device device);

// Runs one of a kernel's two forms: `cuda` on the current stream if `device` is a GPU, else `cpu`.
template <typename Args>
void run_kernel(const Args& args, c10::Device device, void (*cpu)(const Args&),
                void (*cuda)(const Args&, cudaStream_t)) {
  if (device.is_cuda()) {
    cuda(args, current_stream(device));
  } else {
    cpu(args);
  }
}

}  // namespace thalweg
