#include "base/memory.h"

#ifdef __GLIBC__
#include <climits>

#include <malloc.h>
#endif
#include <cstdlib>

#include <sys/resource.h>

#include <c10/cuda/CUDACachingAllocator.h>

namespace thalweg {

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);              // large blocks come from the heap
  mallopt(M_TRIM_THRESHOLD, INT_MAX);  // which is not given back
#endif
}

void use_large_pages() {
  setenv("THP_MEM_ALLOC_ENABLE", "1", /*overwrite=*/0);  // LibTorch's switch
}

double peak_memory_mb(c10::Device device) {
  if (device.is_cuda()) {
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
    return static_cast<double>(stats.reserved_bytes[0].peak) / 1e6;
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1e3;
}

}  // namespace thalweg
