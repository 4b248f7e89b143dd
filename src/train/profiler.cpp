#include "train/profiler.h"

#include <cstdlib>
#include <set>

#include <nvtx3/nvToolsExt.h>

#include <ATen/Context.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include "io/atomic_file.h"

namespace thalweg {
namespace {

namespace profiler = torch::autograd::profiler;
using torch::profiler::impl::ActivityType;
using torch::profiler::impl::ProfilerConfig;
using torch::profiler::impl::ProfilerState;

}  // namespace

StepProfiler::StepProfiler(std::int64_t steps, const std::filesystem::path& file, c10::Device device)
    : steps_(steps), file_(file), device_(device) {}

StepProfiler::~StepProfiler() {
  if (active_) profiler::disableProfiler();
}

bool StepProfiler::before_step() {
  if (steps_ > 0 && seen_ == kWarmUp) start();
  const bool full = active_ && seen_ == kWarmUp + steps_;
  ++seen_;
  return full && finish();
}

void StepProfiler::start() {
  // Without a GPU, Kineto would report its absence on stderr as an error.
  if (device_.is_cpu()) ::setenv("KINETO_LOG_LEVEL", "5", /*overwrite=*/0);
  const ProfilerConfig config(ProfilerState::KINETO);
  std::set<ActivityType> activities = {ActivityType::CPU};
  if (device_.is_cuda()) activities.insert(ActivityType::CUDA);
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities);
  active_ = true;
}

bool StepProfiler::finish() {
  if (!active_) return false;
  active_ = false;
  AtomicFile file(file_);
  profiler::disableProfiler()->save(file.temporary_path().string());
  file.commit();
  return true;
}

ProfileRange::ProfileRange(const char* name) : record_(at::RecordScope::USER_SCOPE) {
  if (record_.isActive()) record_.before(name);
  nvtxRangePushA(name);
}

ProfileRange::~ProfileRange() {
  nvtxRangePop();
}

}  // namespace thalweg
