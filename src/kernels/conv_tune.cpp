// Timing of a convolution's candidates. Each is captured into a CUDA graph and replayed, as training runs it: launched
// one by one, the small layers would measure the host.
#include <algorithm>
#include <array>
#include <optional>

#include <cuda_runtime_api.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/conv_graph.h"
#include "kernels/conv_plan.h"

namespace thalweg {
namespace {

constexpr int kRunsPerReplay = 10;
constexpr int kReplays = 5;  // the median of these counts

void check_cuda(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // clear it, so that it cannot surface elsewhere
  fail("CUDA failed to {} while convolutions were timed: {}", doing, cudaGetErrorString(status));
}

// A stream of its own: LibTorch's default stream cannot be captured.
class TimingStream {
 public:
  TimingStream() {
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream");
    check_cuda(cudaEventCreate(&begin_), "create an event");
    check_cuda(cudaEventCreate(&end_), "create an event");
  }
  ~TimingStream() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
    cudaStreamDestroy(stream_);
  }
  TimingStream(const TimingStream&) = delete;
  TimingStream& operator=(const TimingStream&) = delete;

  cudaStream_t get() const { return stream_; }

  double milliseconds(cudaGraphExec_t graph) {
    check_cuda(cudaEventRecord(begin_, stream_), "record an event");
    check_cuda(cudaGraphLaunch(graph, stream_), "replay a graph");
    check_cuda(cudaEventRecord(end_, stream_), "record an event");
    check_cuda(cudaEventSynchronize(end_), "wait for an event");
    float elapsed = 0;
    check_cuda(cudaEventElapsedTime(&elapsed, begin_, end_), "read an event");
    return elapsed;
  }

 private:
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
};

struct Candidate {
  const ConvGraph& graph;
  std::size_t index;
  const ConvBuffers& buffers;
  void* workspace;

  void run(cudaStream_t stream) const { graph.execute(index, buffers, workspace, stream); }
};

// Null if the candidate cannot be captured: training replays its steps, so such a plan is of no use.
cudaGraphExec_t capture(const Candidate& candidate, cudaStream_t stream) {
  check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin a capture");
  bool runs = true, full = false;
  try {
    for (int i = 0; i < kRunsPerReplay; ++i) candidate.run(stream);
  } catch (const Error& error) {
    runs = false;
    full = is_out_of_memory(error);
  }
  cudaGraph_t graph = nullptr;
  const bool captured = cudaStreamEndCapture(stream, &graph) == cudaSuccess && runs;
  cudaGraphExec_t executable = nullptr;
  if (captured) check_cuda(cudaGraphInstantiate(&executable, graph, 0), "instantiate a graph");
  if (graph != nullptr) cudaGraphDestroy(graph);
  cudaGetLastError();  // what an invalidated capture leaves
  check(!full, "CUDA: out of memory while convolutions were timed");
  return executable;
}

// Empty if the candidate does not run.
std::optional<double> microseconds(const Candidate& candidate, TimingStream& stream) {
  try {
    candidate.run(stream.get());  // loads its kernels
  } catch (const Error& error) {
    if (is_out_of_memory(error)) throw;  // another plan would give other bits
    return std::nullopt;
  }
  check_cuda(cudaStreamSynchronize(stream.get()), "run a plan");
  cudaGraphExec_t graph = capture(candidate, stream.get());
  if (graph == nullptr) return std::nullopt;
  std::array<double, kReplays> times;
  stream.milliseconds(graph);  // the first replay uploads the graph
  for (double& time : times) time = stream.milliseconds(graph) * 1000 / kRunsPerReplay;
  cudaGraphExecDestroy(graph);
  std::nth_element(times.begin(), times.begin() + kReplays / 2, times.end());
  return times[kReplays / 2];
}

}  // namespace

void ConvPlans::tune(const ConvShape& shape, ConvPass pass, const ConvBuffers& buffers, const ConvWorkspace& workspace,
                     cudaStream_t stream) {
  if (is_chosen(shape, pass)) return;
  // The buffers' contents may still be on their way.
  check_cuda(cudaStreamSynchronize(stream), "wait for earlier work");
  TimingStream timing;
  ConvPlanOptions options = options_;
  options.max_workspace = std::min(options_.max_workspace, workspace.bytes);
  ConvGraph graph(*device_, shape, pass, options);
  ConvChoice best;
  std::size_t timed = 0;
  for (std::size_t i = 0; i < graph.num_candidates() && timed < options_.max_timed; ++i) {
    if (!graph.build(i)) continue;
    const std::optional<double> time = microseconds({graph, i, buffers, workspace.data}, timing);
    if (!time) continue;
    ++timed;
    if (best.plan.empty() || *time < best.microseconds) best = {graph.name(i), *time};
  }
  // The buffers go back to whoever knows of the other stream alone.
  check_cuda(cudaStreamSynchronize(timing.get()), "finish a timing");
  check(!best.plan.empty(), "{}: none of cuDNN's {} plans ran; use LibTorch's own convolution for it",
        describe(shape, pass), graph.num_candidates());
  const Key key{shape, pass};
  if (!shared_ || refused_.contains(key) || !take(key, shared_->keep(shape, pass, best))) choices_[key] = best;
}

}  // namespace thalweg
