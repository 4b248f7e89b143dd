// Trains several runs of an experiment concurrently on one device: one small network does not fill a GPU, and on a CPU
// threads speed up several runs better than a single one.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include <c10/core/Device.h>

namespace thalweg {

struct Job {
  std::function<void()> work;
  std::optional<std::size_t> after = {};  // index of an earlier job that must have succeeded
};

struct RunLanes {
  int count = 1;    // concurrent jobs; on a GPU at most kMaxStreams (base/stream.h)
  int threads = 1;  // CPU threads per job
  c10::Device device;
};

// Returns the lanes for `parallel_runs` concurrent runs, by default (0) four on a GPU and one on a CPU. They divide the
// CPU threads among them. Throws usage Error for more than kMaxStreams on a GPU.
RunLanes run_lanes(int parallel_runs, c10::Device device);

// Runs all jobs, starting them in order as lanes become free. Each lane is a thread with (on a GPU) a stream of its
// own; a single lane is the calling thread. If a job fails, the jobs that depend on it are skipped and the others
// continue; at the end the exception of the first failed job is rethrown (Stopped only if no other was thrown). No job
// starts once a stop was requested.
void run_side_by_side(const std::vector<Job>& jobs, const RunLanes& lanes);

}  // namespace thalweg
