// How the process gets and keeps memory.
#pragma once

#include <exception>

#include <c10/core/Device.h>

namespace thalweg {

// A step of training on a CPU frees and asks again for the same large blocks. By default each goes back to the system
// and comes again as pages to be zeroed, on first touch: up to a quarter of a step. After this call freed memory stays
// with the process. Call before LibTorch is used.
void keep_freed_memory();

// Blocks of 2 MB and more lie on pages of 2 MB from here on, where the system offers them to those who ask (Linux's
// "madvise"). Touching a plane of a large network for the first time then takes a fifth of a second less; memory grows
// by up to a quarter, so this is not for training, and maps of small networks lose some percent. Call before LibTorch
// allocates.
void use_large_pages();

// Whether the error is of LibTorch's GPU allocator, its CPU allocator, CUDA and its libraries, or operator new.
bool is_out_of_memory(const std::exception& error);

// The largest so far, in units of 10^6 bytes: of this process's resident memory, or, of a GPU, of what LibTorch
// reserved there.
double peak_memory_mb(c10::Device device);

}  // namespace thalweg
