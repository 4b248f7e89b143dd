// Profiles a few training steps: what ran when on the CPU, and on the GPU if the run uses one (by Kineto, like
// torch.profiler). The profile is written as a Chrome trace for chrome://tracing or ui.perfetto.dev. It does not affect
// results.
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
  // `steps`: the number of steps to profile after kWarmUp others; 0: none. At most one profiler may be active per
  // process.
  StepProfiler(std::int64_t steps, const std::filesystem::path& file, c10::Device device);
  ~StepProfiler();  // drops what was not written
  StepProfiler(const StepProfiler&) = delete;
  StepProfiler& operator=(const StepProfiler&) = delete;

  // Steps left out at the beginning, because they choose algorithms and fill caches.
  static constexpr std::int64_t kWarmUp = 5;

  // before_step() must be called before each training step, and finish() after the last. Both return true if the file
  // has just been written.
  bool before_step();
  bool finish();
  // Whether any step followed the warm-up.
  bool began() const { return seen_ > kWarmUp; }
  // The number of steps in the file.
  std::int64_t steps() const { return std::clamp<std::int64_t>(seen_ - kWarmUp, 0, steps_); }

 private:
  void start();

  std::int64_t steps_;
  std::filesystem::path file_;
  c10::Device device_;
  std::int64_t seen_ = 0;  // steps begun so far
  bool active_ = false;
};

// Names the work done during its lifetime, in a profile and (through NVTX) in Nsight Systems.
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
