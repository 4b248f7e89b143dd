// How the process's C library treats freed memory.
#pragma once

#include <c10/core/Device.h>

namespace thalweg {

// A step of training on a CPU frees and asks again for the same large blocks. By default each goes back to the system
// and comes again as pages to be zeroed, on first touch: up to a quarter of a step. After this call freed memory stays
// with the process. Call before LibTorch is used.
void keep_freed_memory();

// The largest so far, in units of 10^6 bytes: of this process's resident memory, or, of a GPU, of what LibTorch
// reserved there.
double peak_memory_mb(c10::Device device);

}  // namespace thalweg
