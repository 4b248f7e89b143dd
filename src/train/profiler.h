// A profile of a few training steps: what ran when on the CPU, and on a GPU if the run uses one (Kineto, as
// torch.profiler). It is written as a Chrome trace, which chrome://tracing and ui.perfetto.dev show. Nothing that is
// computed depends on it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>

#include <ATen/record_function.h>
#include <c10/core/Device.h>

namespace thalweg {

class StepProfiler {
 public:
  // `steps`: how many, after kWarmUp others; 0: none. At most one profiler may be active in a process.
  StepProfiler(std::int64_t steps, const std::filesystem::path& file, c10::Device device);
  ~StepProfiler();  // what was not written is dropped
  StepProfiler(const StepProfiler&) = delete;
  StepProfiler& operator=(const StepProfiler&) = delete;

  // The first steps choose algorithms and fill caches.
  static constexpr std::int64_t kWarmUp = 5;

  // Call before each training step, and finish() after the last. True when the file has just been written.
  bool before_step();
  bool finish();
  // Whether there was a step after the warm-up.
  bool began() const { return seen_ > kWarmUp; }
  // That the file holds.
  std::int64_t steps() const { return std::clamp<std::int64_t>(seen_ - kWarmUp, 0, steps_); }

 private:
  void start();

  std::int64_t steps_;
  std::filesystem::path file_;
  c10::Device device_;
  std::int64_t seen_ = 0;  // steps begun so far
  bool active_ = false;
};

// Names what happens while it lives, in a profile and (NVTX) in Nsight Systems.
class ProfileRange {
 public:
  explicit ProfileRange(const char* name);
  ~ProfileRange();
  ProfileRange(const ProfileRange&) = delete;
  ProfileRange& operator=(const ProfileRange&) = delete;

 private:
  at::RecordFunction record_;
};

}  // namespace thalweg
