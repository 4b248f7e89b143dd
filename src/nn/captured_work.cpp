#include "nn/captured_work.h"

#include <cuda_runtime_api.h>

#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>

#include "base/stream.h"

namespace thalweg {
namespace {

// Returns the stream to capture on: the current one or, because the default stream cannot be captured, one from
// LibTorch's pool in its place. Other streams are not replaced: the pool hands out the same 32 in turn, so its stream
// might be that of another thread, whose work would then land in the graph.
c10::cuda::CUDAStream capture_stream(c10::DeviceIndex device) {
  const c10::cuda::CUDAStream current = c10::cuda::getCurrentCUDAStream(device);
  const bool is_default = current == c10::cuda::getDefaultCUDAStream(device);
  return is_default ? c10::cuda::getStreamFromPool(false, device) : current;
}

// A capture that is ended in any case: an open one would make the stream and LibTorch's allocators unusable.
class Capture {
 public:
  Capture(at::cuda::CUDAGraph& graph, c10::DeviceIndex device) : graph_(graph), device_(device) {
    // Thread-local: other threads may meanwhile allocate, copy and wait for their streams.
    try {
      graph_.capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
    } catch (...) {
      leave_pool();
      throw;
    }
  }
  ~Capture() {
    if (ended_) return;
    try {
      end();
    } catch (const std::exception&) {  // the work's own exception says more
    }
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  void end() {
    ended_ = true;
    try {
      graph_.capture_end();
    } catch (...) {
      leave_pool();
      throw;
    }
  }

 private:
  // CUDA refuses to end an invalidated capture, and LibTorch then does not notify its allocators, which would go on
  // asking a graph that is gone. If it has notified them, the first call throws, and the graph releases the pool.
  void leave_pool() const {
    cudaGetLastError();
    try {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(device_, pool_);
      c10::cuda::CUDACachingAllocator::releasePool(device_, pool_);
      at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool_);
      at::getHostAllocator(at::kCUDA)->release_pool(pool_);
    } catch (const std::exception&) {
    }
  }

  at::cuda::CUDAGraph& graph_;
  c10::DeviceIndex device_;
  at::cuda::MempoolId_t pool_ = at::cuda::graph_pool_handle();
  bool ended_ = false;
};

}  // namespace

CapturedWork::CapturedWork(c10::Device device, bool capture) : device_(device), capture_(capture && device.is_cuda()) {}

CapturedWork::~CapturedWork() {
  if (entries_.empty() || !capture_) return;
  const std::unique_lock lock = capture_lock();
  entries_.clear();
}

void CapturedWork::run(std::int64_t key, const std::function<void()>& work) {
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

std::unique_ptr<at::cuda::CUDAGraph> CapturedWork::capture(const std::function<void()>& work) const {
  const std::unique_lock lock = capture_lock();
  c10::cuda::getCurrentCUDAStream(device_.index()).synchronize();
  auto graph = std::make_unique<at::cuda::CUDAGraph>();
  const c10::cuda::CUDAStreamGuard guard(capture_stream(device_.index()));
  // The graph has memory of its own, so what the first, uncaptured call took would stay reserved beside it.
  c10::cuda::CUDACachingAllocator::emptyCache();
  Capture capture(*graph, device_.index());
  work();
  capture.end();
  return graph;
}

}  // namespace thalweg
