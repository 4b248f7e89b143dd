// Timing of a convolution's candidates. Each is captured into a CUDA graph and replayed, as training runs it: launched
// one by one, the small layers would measure the host. They take turns, on a GPU that is already at work: one at rest
// runs at a part of its clock (an H200 at 345 of 1980 MHz), which would decide for whoever comes late.
#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include <cuda_runtime_api.h>

#include "base/error.h"
#include "base/fastest_in_turns.h"
#include "base/memory.h"
#include "kernels/conv_graph.h"
#include "kernels/conv_plan.h"

namespace thalweg {
namespace {

constexpr int kRunsPerReplay = 10;
constexpr int kRounds = 5;
constexpr std::chrono::milliseconds kWarmUp{100};
constexpr std::chrono::milliseconds kStaysWarm{500};  // without work

void check_cuda(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // clear it, so that it cannot surface elsewhere
  fail("CUDA failed to {} while convolutions were timed: {}", doing, cudaGetErrorString(status));
}

// A stream of its own: LibTorch's default stream cannot be captured.
class TimingStream {
 public:
  // cuDNN goes back to `before` at the end.
  TimingStream(const ConvDevice& device, cudaStream_t before) : device_(device), before_(before) {
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream");
    check_cuda(cudaEventCreate(&begin_), "create an event");
    check_cuda(cudaEventCreate(&end_), "create an event");
  }
  ~TimingStream() {
    try {
      device_.use_stream(before_);
    } catch (const Error&) {  // its next work sets the stream again
    }
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
  const ConvDevice& device_;
  cudaStream_t before_;
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

struct DestroyGraph {
  void operator()(cudaGraphExec_t graph) const { cudaGraphExecDestroy(graph); }
};
using Replay = std::unique_ptr<CUgraphExec_st, DestroyGraph>;

// Null if the candidate cannot be captured: training replays its steps, so such a plan is of no use.
Replay capture(const Candidate& candidate, cudaStream_t stream) {
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
  return Replay(executable);
}

// Null if the candidate does not run.
Replay make_replay(const Candidate& candidate, TimingStream& stream) {
  try {
    candidate.run(stream.get());  // loads its kernels
  } catch (const Error& error) {
    if (is_out_of_memory(error)) throw;  // another plan would give other bits
    return nullptr;
  }
  check_cuda(cudaStreamSynchronize(stream.get()), "run a plan");
  Replay replay = capture(candidate, stream.get());
  if (replay) check_cuda(cudaGraphUpload(replay.get(), stream.get()), "upload a graph");
  return replay;
}

struct Contender {
  std::size_t index;  // of the candidate
  Replay replay;
};

}  // namespace

void ConvPlans::tune(const ConvShape& shape, ConvPass pass, const ConvBuffers& buffers, const ConvWorkspace& workspace,
                     cudaStream_t stream) {
  if (is_chosen(shape, pass)) return;
  // The buffers' contents may still be on their way.
  check_cuda(cudaStreamSynchronize(stream), "wait for earlier work");
  TimingStream timing(*device_, stream);
  ConvPlanOptions options = options_;
  options.max_workspace = std::min(options_.max_workspace, workspace.bytes);
  ConvGraph graph(*device_, shape, pass, options);
  std::vector<Contender> contenders;
  for (std::size_t i = 0; i < graph.num_candidates() && contenders.size() < options_.max_timed; ++i) {
    if (!graph.build(i)) continue;
    if (Replay replay = make_replay({graph, i, buffers, workspace.data}, timing))
      contenders.push_back({i, std::move(replay)});
  }
  // The buffers go back to whoever knows of the other stream alone.
  check_cuda(cudaStreamSynchronize(timing.get()), "finish a timing");
  check(!contenders.empty(), "{}: none of cuDNN's {} plans ran; use LibTorch's own convolution for it",
        describe(shape, pass), graph.num_candidates());
  const auto start = Clock::now();
  if (start - tuned_ > kStaysWarm) {
    while (Clock::now() - start < kWarmUp) timing.milliseconds(contenders.front().replay.get());
  }
  const Fastest fastest = fastest_in_turns(contenders.size(), kRounds, [&](std::size_t contender) {
    return timing.milliseconds(contenders[contender].replay.get()) * 1000 / kRunsPerReplay;
  });
  tuned_ = Clock::now();
  const ConvChoice best{graph.name(contenders[fastest.contender].index), fastest.time};
  const Key key{shape, pass};
  if (!shared_ || refused_.contains(key) || !take(key, shared_->keep(shape, pass, best))) choices_[key] = best;
}

}  // namespace thalweg
