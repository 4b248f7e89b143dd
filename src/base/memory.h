// How the process obtains and keeps memory.
#pragma once

#include <exception>

#include <c10/core/Device.h>

namespace thalweg {

// Keeps freed memory in the process. A training step on a CPU frees and reallocates the same large blocks. By default
// each block is returned to the system and comes back as pages that must be zeroed on first touch, which takes up to a
// quarter of a step. Must be called before LibTorch is used.
void keep_freed_memory();

// Puts blocks of 2 MB and more on 2 MB pages from now on, if the system offers them on request (Linux's "madvise").
// First touching a plane of a large network then takes a fifth of a second less. Memory use grows by up to a quarter,
// so this is not meant for training, and maps of small networks lose a few percent. Must be called before LibTorch
// allocates.
void use_large_pages();

// Whether the error means that memory ran out: in LibTorch's GPU or CPU allocator, CUDA and its libraries, or operator
// new.
bool is_out_of_memory(const std::exception& error);

// Whether the error is any other failure of the GPU, its driver or its libraries, after which at least this process can
// no longer use that GPU.
bool is_gpu_failure(const std::exception& error);

// The bytes that can still be allocated on the device, including those that LibTorch or the C library holds without
// using them. On a CPU the least of what the system, the process's limits and its container (cgroup v2) leave;
// infinite if nothing is known.
double free_memory(c10::Device device);

// The peak memory use so far, in units of 10^6 bytes: this process's resident memory or, for a GPU, the memory that
// LibTorch reserved there.
double peak_memory_mb(c10::Device device);

}  // namespace thalweg
