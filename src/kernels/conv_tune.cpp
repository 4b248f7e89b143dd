// Times the candidates of a convolution. Each is captured into a CUDA graph and replayed, as in training: launched one
// by one, small layers would measure the host. The candidates take turns on a GPU that is already busy: an idle one
// runs at a fraction of its clock (an H200 at 345 of 1980 MHz), which would favour the candidates timed last.
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <cuda_runtime_api.h>

#include "base/error.h"
#include "base/fastest_in_turns.h"
#include "base/memory.h"
#include "kernels/conv_graph.h"
#include "kernels/conv_plan.h"

namespace thalweg {
namespace {

constexpr int kMostRuns = 10;      // runs of a candidate per replay
constexpr double kLongEnough = 5;  // milliseconds per replay
constexpr int kRounds = 5;
constexpr std::chrono::milliseconds kWarmUp{100};
constexpr std::chrono::milliseconds kStaysWarm{500};  // without work, a GPU stays warm this long

void check_cuda(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // clear it, so that it cannot surface elsewhere
  fail("CUDA failed to {} while convolutions were timed: {}", doing, cudaGetErrorString(status));
}

// A separate stream, because LibTorch's default stream cannot be captured.
class TimingStream {
 public:
  // The destructor sets cuDNN's stream back to `before`.
  TimingStream(const ConvDevice& device, cudaStream_t before) : device_(device), before_(before) {
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream");
    check_cuda(cudaEventCreate(&begin_), "create an event");
    check_cuda(cudaEventCreate(&end_), "create an event");
  }
  ~TimingStream() {
    try {
      device_.use_stream(before_);
    } catch (const Error&) {  // the next work sets the stream again
    }
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
    cudaStreamDestroy(stream_);
  }
  TimingStream(const TimingStream&) = delete;
  TimingStream& operator=(const TimingStream&) = delete;

  cudaStream_t get() const { return stream_; }

  // Returns the milliseconds taken by the work that `launch` puts on the stream.
  template <typename Launch>
  double milliseconds(const Launch& launch) {
    check_cuda(cudaEventRecord(begin_, stream_), "record an event");
    launch();
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

// Captures `count` runs. Returns null if the candidate cannot be captured: training replays its steps, so such a plan
// is of no use.
Replay capture(const Candidate& candidate, int count, cudaStream_t stream) {
  check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin a capture");
  bool runs = true, full = false;
  try {
    for (int i = 0; i < count; ++i) candidate.run(stream);
  } catch (const Error& error) {
    runs = false;
    full = is_out_of_memory(error);
  }
  cudaGraph_t graph = nullptr;
  const bool captured = cudaStreamEndCapture(stream, &graph) == cudaSuccess && runs;
  cudaGraphExec_t executable = nullptr;
  if (captured) check_cuda(cudaGraphInstantiate(&executable, graph, 0), "instantiate a graph");
  if (graph != nullptr) cudaGraphDestroy(graph);
  cudaGetLastError();  // clear the error that an invalidated capture leaves
  check(!full, "CUDA: out of memory while convolutions were timed");
  return Replay(executable);
}

struct Contender {
  std::size_t index;  // index of the candidate
  int runs;           // per replay
  Replay replay;

  double milliseconds(TimingStream& stream) const {
    const auto launch = [&] { check_cuda(cudaGraphLaunch(replay.get(), stream.get()), "replay a graph"); };
    return stream.milliseconds(launch) / runs;
  }
};

// Whether the candidate runs; this also loads its kernels.
bool runs(const Candidate& candidate, const TimingStream& stream) {
  try {
    candidate.run(stream.get());
  } catch (const Error& error) {
    if (is_out_of_memory(error)) throw;  // falling back to another plan would change the bits
    return false;
  }
  check_cuda(cudaStreamSynchronize(stream.get()), "run a plan");
  return true;
}

double run_once(const Candidate& candidate, TimingStream& stream) {
  return stream.milliseconds([&] { candidate.run(stream.get()); });
}

void warm_up(const Candidate& candidate, TimingStream& stream) {
  const auto start = Clock::now();
  while (Clock::now() - start < kWarmUp) run_once(candidate, stream);
}

// Returns nullopt if the candidate cannot be captured. Slow candidates, which float32 has, get fewer runs per replay.
std::optional<Contender> make_contender(const Candidate& candidate, TimingStream& stream) {
  const int count = static_cast<int>(std::clamp<double>(kLongEnough / run_once(candidate, stream), 1, kMostRuns));
  Replay replay = capture(candidate, count, stream.get());
  if (!replay) return std::nullopt;
  check_cuda(cudaGraphUpload(replay.get(), stream.get()), "upload a graph");
  return Contender{candidate.index, count, std::move(replay)};
}

// Builds the first `count` candidates that cuDNN has here, each once: the heuristics list some twice.
std::vector<std::size_t> build_candidates(ConvGraph& graph, std::size_t count) {
  std::vector<std::size_t> built;
  std::set<std::string> names;
  for (std::size_t i = 0; i < graph.num_candidates() && built.size() < count; ++i) {
    if (names.insert(graph.name(i)).second && graph.build(i)) built.push_back(i);
  }
  return built;
}

}  // namespace

void ConvPlans::tune(const ConvShape& shape, ConvPass pass, const ConvBuffers& buffers, const Allocate& allocate,
                     cudaStream_t stream) {
  if (is_chosen(shape, pass)) return;
  // Earlier work may still be writing the buffers.
  check_cuda(cudaStreamSynchronize(stream), "wait for earlier work");
  TimingStream timing(*device_, stream);
  ConvGraph graph(*device_, shape, pass, options_);
  const std::vector<std::size_t> candidates = build_candidates(graph, options_.max_timed);
  std::int64_t largest = 0;
  for (const std::size_t index : candidates) largest = std::max(largest, graph.workspace_bytes(index));
  const ConvWorkspace workspace = allocate(largest);
  bool is_cold = Clock::now() - tuned_ > kStaysWarm;
  std::vector<Contender> contenders;
  for (const std::size_t index : candidates) {
    const Candidate candidate{graph, index, buffers, workspace.data};
    if (!runs(candidate, timing)) continue;
    if (std::exchange(is_cold, false)) warm_up(candidate, timing);
    if (std::optional<Contender> contender = make_contender(candidate, timing))
      contenders.push_back(std::move(*contender));
  }
  // The caller's work does not wait for the timing stream, so the stream must be done with the buffers.
  check_cuda(cudaStreamSynchronize(timing.get()), "finish a timing");
  check(!contenders.empty(), "{}: none of cuDNN's {} plans ran; use LibTorch's own convolution for it",
        describe(shape, pass), graph.num_candidates());
  const Fastest fastest = fastest_in_turns(contenders.size(), kRounds, [&](std::size_t contender) {
    return contenders[contender].milliseconds(timing) * 1000;
  });
  tuned_ = Clock::now();
  const ConvChoice best{graph.name(contenders[fastest.contender].index), fastest.time};
  const Key key{shape, pass};
  if (!shared_ || refused_.contains(key) || !take(key, shared_->keep(shape, pass, best))) choices_[key] = best;
}

}  // namespace thalweg
