#include "train/step_graph.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>

#include "base/stream.h"

namespace thalweg {
namespace {

// The default stream cannot be captured. A thread's own stream can: one from LibTorch's pool, which hands out the same
// 32 in turns, might be the stream of another thread, whose work would then land in the graph.
c10::cuda::CUDAStream capture_stream(c10::DeviceIndex device) {
  const c10::cuda::CUDAStream current = c10::cuda::getCurrentCUDAStream(device);
  const bool is_default = current == c10::cuda::getDefaultCUDAStream(device);
  return is_default ? c10::cuda::getStreamFromPool(false, device) : current;
}

}  // namespace

StepGraph::StepGraph(c10::Device device, bool capture) : device_(device), capture_(capture && device.is_cuda()) {}

StepGraph::~StepGraph() {
  if (entries_.empty() || !capture_) return;
  const std::unique_lock lock = capture_lock();
  entries_.clear();
}

void StepGraph::run(std::int64_t key, const std::function<void()>& work) {
  if (!capture_) return work();
  Entry& entry = entries_[key];
  if (!entry.warm) {
    const std::unique_lock lock = capture_lock();
    work();
    entry.warm = true;
    return;
  }
  if (!entry.graph) entry.graph = capture(work);
  entry.graph->replay();
}

std::unique_ptr<at::cuda::CUDAGraph> StepGraph::capture(const std::function<void()>& work) const {
  const std::unique_lock lock = capture_lock();
  c10::cuda::getCurrentCUDAStream(device_.index()).synchronize();
  auto graph = std::make_unique<at::cuda::CUDAGraph>();
  const c10::cuda::CUDAStreamGuard guard(capture_stream(device_.index()));
  // The graph's memory is its own: what the first, uncaptured call took would stay reserved beside it.
  c10::cuda::CUDACachingAllocator::emptyCache();
  // Thread-local: what other threads' runs do meanwhile (allocate, copy, wait for their streams) is legal.
  graph->capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
  try {
    work();
  } catch (...) {
    // An open capture would keep the stream and LibTorch's allocator from all further use.
    try {
      graph->capture_end();
    } catch (const std::exception&) {  // what the work threw says more
    }
    throw;
  }
  graph->capture_end();
  return graph;
}

}  // namespace thalweg
