#include "train/step_graph.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>

namespace thalweg {

StepGraph::StepGraph(c10::Device device, bool capture) : device_(device), capture_(capture && device.is_cuda()) {}

StepGraph::~StepGraph() = default;

void StepGraph::run(std::int64_t key, const std::function<void()>& work) {
  Entry& entry = entries_[key];
  if (!capture_ || !entry.warm) {
    entry.warm = true;
    return work();
  }
  if (!entry.graph) {
    auto graph = std::make_unique<at::cuda::CUDAGraph>();
    const c10::cuda::CUDAStream outer = c10::cuda::getCurrentCUDAStream(device_.index());
    // The default stream cannot be captured.
    const c10::cuda::CUDAStream side = c10::cuda::getStreamFromPool(false, device_.index());
    outer.synchronize();
    {
      const c10::cuda::CUDAStreamGuard guard(side);
      graph->capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
      work();
      graph->capture_end();
    }
    entry.graph = std::move(graph);
  }
  entry.graph->replay();
}

}  // namespace thalweg
