// Runs the same work repeatedly; on a GPU, from the second time on, as a captured CUDA graph.
//
// Allowed in a capture: kernels on the current stream, and LibTorch's allocations, which then come from memory owned by
// the graph. Not allowed: waiting for the device, reading from it, choosing an algorithm by timing. Results that must
// outlive the work have to be in memory allocated before.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include <c10/core/Device.h>

namespace at::cuda {
struct CUDAGraph;
}

namespace thalweg {

class CapturedWork {
 public:
  // If `capture` is false, or on a CPU, the work is simply called each time.
  CapturedWork(c10::Device device, bool capture);
  ~CapturedWork();
  CapturedWork(const CapturedWork&) = delete;
  CapturedWork& operator=(const CapturedWork&) = delete;

  // `key` identifies the work, which must perform the same operations each time, in the same memory. The first run
  // calls it without a capture, so that libraries can load their kernels and choose their algorithms; the second run
  // captures it. Several threads may each have a CapturedWork; first runs and captures are then serialised.
  void run(std::int64_t key, const std::function<void()>& work);

 private:
  struct Entry {
    bool warm = false;
    std::unique_ptr<at::cuda::CUDAGraph> graph;
  };
  std::unique_ptr<at::cuda::CUDAGraph> capture(const std::function<void()>& work) const;

  c10::Device device_;
  bool capture_;
  std::map<std::int64_t, Entry> entries_;
};

}  // namespace thalweg
