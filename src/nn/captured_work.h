// Runs the same work again and again; on a GPU from its second time on as one captured CUDA graph.
//
// Legal inside a capture: kernels on the current stream, and LibTorch's allocations, which then come from memory that
// stays the graph's. Not legal: waiting for the device, reading from it, choosing an algorithm by timing. What the work
// leaves for later must lie in memory from before.
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
  // `capture` false, or a CPU: the work is simply called each time.
  CapturedWork(c10::Device device, bool capture);
  ~CapturedWork();
  CapturedWork(const CapturedWork&) = delete;
  CapturedWork& operator=(const CapturedWork&) = delete;

  // `key` names the work: what is captured for it must be the same each time, in the same memory. The first time it is
  // called as it is, so that libraries load their kernels and choose their algorithms outside of a capture. Several
  // threads may each have a CapturedWork; first calls and captures then go one at a time.
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
