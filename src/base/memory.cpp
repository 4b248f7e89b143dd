#include "base/memory.h"

#ifdef __GLIBC__
#include <climits>

#include <malloc.h>
#endif
#include <cstdlib>
#include <new>
#include <string_view>

#include <sys/resource.h>

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/util/Exception.h>

namespace thalweg {

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);              // allocate large blocks on the heap
  mallopt(M_TRIM_THRESHOLD, INT_MAX);  // and never return the heap to the system
#endif
}

void use_large_pages() {
  setenv("THP_MEM_ALLOC_ENABLE", "1", /*overwrite=*/0);  // LibTorch's switch
}

bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  // The CPU allocator does not throw a distinct type for this, nor does CUDA (graphs, events, kernels), cuBLAS or cuDNN
  // (CUBLAS_STATUS_ALLOC_FAILED, CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED).
  const std::string_view what = error.what();
  const auto says = [&](std::string_view words) { return what.find(words) != what.npos; };
  return says("DefaultCPUAllocator") || (says("CUDA") && says("out of memory")) ||
         (says("_STATUS_") && (says("ALLOC_FAILED") || says("ALLOCATION_FAILED")));
}

bool is_gpu_failure(const std::exception& error) {
  const std::string_view what = error.what();
  if (is_out_of_memory(error)) return false;
  return what.find("CUDA") != what.npos || what.find("cuDNN failed") != what.npos;
}

double peak_memory_mb(c10::Device device) {
  if (device.is_cuda()) {
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
    return static_cast<double>(stats.reserved_bytes[0].peak) / 1e6;
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;  // ru_maxrss is in KiB
}

}  // namespace thalweg
