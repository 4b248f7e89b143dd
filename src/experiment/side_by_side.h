// Runs of an experiment on one device at the same time: a small network does not fill a GPU, and several threads do not
// make one faster on a CPU as well as they make several.
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
  int count = 1;    // jobs at once
  int threads = 1;  // CPU threads of each
  c10::Device device;
};

// Does all jobs, in order as far as lanes are free, each on a thread of its own with (on a GPU) a stream of its own;
// one lane is the calling thread. Where a job fails the others go on, but for those that come after it. At the end
// throws what the first of the failed jobs threw (Stopped last of all). After a stop was requested no job begins.
void run_side_by_side(const std::vector<Job>& jobs, const RunLanes& lanes);

}  // namespace thalweg
