// A process's choice of GPU, and the CUDA stream that LibTorch's own operations use there, for our kernels to join.
#pragma once

#include <mutex>

#include <c10/core/Device.h>

typedef struct CUstream_st* cudaStream_t;

namespace thalweg {

// Makes `device` the current one. On a GPU "float32" then means float32 (cuDNN's default is TF32, with ten bits of
// mantissa), sums of float16 and bfloat16 products are float32, and cuDNN takes deterministic algorithms, chosen
// without timing, so that a resumed run ends in the same bits; unless `deterministic` is false: then it takes those
// that were fastest when first tried. A CPU is always deterministic.
void use_device(c10::Device device, bool deterministic = true);

// LibTorch has so many streams: one more thread would get the first one's.
inline constexpr int kMaxStreams = 32;
// Makes `device` current for the calling thread, with a CUDA stream that no other thread's work waits for, and the
// libraries' handles ready: none is then created while another thread captures.
void use_own_stream(c10::Device device);

// Held by a thread while it captures a CUDA graph, or does for the first time what it will capture (libraries load
// kernels and create handles then, and candidates are timed). LibTorch keeps a list of graphs without a lock of its
// own.
std::unique_lock<std::mutex> capture_lock();

// Whether a CUDA graph is captured on the current stream of the current GPU; false where no GPU was used.
bool is_capturing();

cudaStream_t current_stream(c10::Device device);

}  // namespace thalweg
