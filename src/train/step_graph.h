// Runs the same work again and again; on a GPU from its second time on as one captured CUDA graph.
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

class StepGraph {
 public:
  // `capture` false, or a CPU: the work is simply called each time.
  StepGraph(c10::Device device, bool capture);
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  // `key` names the work: what is captured for it must be the same each time, in the same memory. The first time it is
  // called as it is, so that libraries load their kernels and choose their algorithms outside of a capture.
  void run(std::int64_t key, const std::function<void()>& work);

 private:
  struct Entry {
    bool warm = false;
    std::unique_ptr<at::cuda::CUDAGraph> graph;
  };
  c10::Device device_;
  bool capture_;
  std::map<std::int64_t, Entry> entries_;
};

}  // namespace thalweg
