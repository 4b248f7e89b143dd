#include "base/memory.h"

#ifdef __GLIBC__
#include <climits>

#include <malloc.h>
#endif
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <new>
#include <string>
#include <string_view>

#include <cuda_runtime_api.h>
#include <sys/resource.h>

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/util/Exception.h>

namespace thalweg {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::infinity();

// The number after the word `key`.
double value_of(const char* file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string word; lines >> word;) {
    double value = 0;
    if (word == key && lines >> value) return value;
  }
  return kUnknown;
}

// In bytes; the file has "KEY:   123 kB" (see proc(5)).
double proc_value(const char* file, const std::string& key) {
  return 1024 * value_of(file, key);
}

// Infinite if the file is missing or says "max".
double number_in(const char* file) {
  double value = 0;
  return std::ifstream(file) >> value ? value : kUnknown;
}

double left_of_limit(int resource, const char* used) {
  rlimit limit = {};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kUnknown;
  return static_cast<double>(limit.rlim_cur) - proc_value("/proc/self/status", used);
}

double free_host_memory() {
  double held = 0;  // by the C library
#ifdef __GLIBC__
  held = static_cast<double>(mallinfo2().fordblks);
#endif
  // The pages of files that the group has read count as used, but are given up when memory is needed.
  const double left_of_group = number_in("/sys/fs/cgroup/memory.max") - number_in("/sys/fs/cgroup/memory.current") +
                               value_of("/sys/fs/cgroup/memory.stat", "inactive_file") +
                               value_of("/sys/fs/cgroup/memory.stat", "active_file");
  double left = proc_value("/proc/meminfo", "MemAvailable:");
  for (const double other :
       {left_of_group, left_of_limit(RLIMIT_DATA, "VmData:"), left_of_limit(RLIMIT_AS, "VmSize:")}) {
    if (!std::isnan(other)) left = std::min(left, other);
  }
  return std::max(left, 0.0) + held;
}

double free_gpu_memory(c10::Device device) {
  std::size_t free = 0;
  std::size_t total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) return kUnknown;
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(std::max<c10::DeviceIndex>(device.index(), 0));
  const auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return static_cast<double>(free) +
         static_cast<double>(stats.reserved_bytes.at(all).current - stats.allocated_bytes.at(all).current);
}

}  // namespace

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

double free_memory(c10::Device device) {
  return device.is_cuda() ? free_gpu_memory(device) : free_host_memory();
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
