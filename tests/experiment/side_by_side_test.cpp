#include "experiment/side_by_side.h"

#include <atomic>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "base/stop.h"
#include "expect_error.h"
#include "gpu.h"
#include "models/models.h"
#include "nn/init.h"
#include "train/step.h"

namespace thalweg {
namespace {

RunLanes lanes_of(int count, int threads = 1) {
  return {count, threads, at::kCPU};
}

class SideBySide : public testing::TestWithParam<int> {
 protected:
  void TearDown() override { request_stop(false); }

  // A job that records its number when it is done.
  Job noting(int number, std::optional<std::size_t> after = {}) {
    return {[this, number] {
              const std::lock_guard lock(mutex_);
              done_.push_back(number);
            },
            after};
  }
  Job failing(const std::string& message) {
    return {[message] { fail("{}", message); }};
  }
  std::vector<int> sorted() const {
    std::vector<int> out = done_;
    std::sort(out.begin(), out.end());
    return out;
  }

  std::mutex mutex_;
  std::vector<int> done_;
};

TEST_P(SideBySide, DoesEveryJobOnce) {
  std::vector<Job> jobs;
  for (int i = 0; i < 20; ++i) jobs.push_back(noting(i));
  run_side_by_side(jobs, lanes_of(GetParam()));
  const std::vector<int> done = sorted();
  ASSERT_EQ(done.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
}

TEST_P(SideBySide, AJobWaitsForTheOneItComesAfter) {
  std::atomic<bool> first = false;
  std::vector<Job> jobs = {{[&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    first = true;
  }}};
  for (int i = 0; i < 4; ++i) jobs.push_back({[&] { EXPECT_TRUE(first); }, 0});
  run_side_by_side(jobs, lanes_of(GetParam()));
}

TEST_P(SideBySide, OthersGoOnWhereOneFailsButNotThoseBehindIt) {
  const std::vector<Job> jobs = {noting(0), failing("first"), noting(2, 1), failing("second"), noting(4, 0)};
  expect_error([&] { run_side_by_side(jobs, lanes_of(GetParam())); }, "first");
  EXPECT_EQ(sorted(), (std::vector<int>{0, 4}));
}

TEST(RunsSideBySide, TakeNoMoreStreamsThanAGpuHas) {
  expect_usage_error([] { run_lanes(33, kGpu); }, "a GPU trains at most 32 runs at once, got 33");
  EXPECT_EQ(run_lanes(32, kGpu).count, 32);
  EXPECT_EQ(run_lanes(0, kGpu).count, 4);
  EXPECT_EQ(run_lanes(33, at::kCPU).count, 33);
  EXPECT_EQ(run_lanes(0, at::kCPU).count, 1);
  EXPECT_EQ(run_lanes(0, at::kCPU).threads, at::get_num_threads());
  EXPECT_EQ(run_lanes(10000, at::kCPU).threads, 1);
}

TEST_P(SideBySide, NoJobBeginsAfterAStop) {
  const std::vector<Job> jobs = {{[] { request_stop(); }}, noting(1, 0), noting(2, 0)};
  EXPECT_THROW(run_side_by_side(jobs, lanes_of(GetParam())), Stopped);
  EXPECT_TRUE(done_.empty());
}

TEST_P(SideBySide, AFailureIsToldRatherThanTheStopOfOthers) {
  const std::vector<Job> jobs = {{[] { throw Stopped("stopped"); }}, failing("disk full")};
  expect_error([&] { run_side_by_side(jobs, lanes_of(GetParam())); }, "disk full");
}

TEST_P(SideBySide, EachJobHasTheThreadsOfItsLaneAndTheCallerItsOwnAfterwards) {
  const int before = at::get_num_threads();
  run_side_by_side({{[] { EXPECT_EQ(at::get_num_threads(), 3); }}, {[] { EXPECT_EQ(at::get_num_threads(), 3); }}},
                   lanes_of(GetParam(), 3));
  EXPECT_EQ(at::get_num_threads(), before);
}

INSTANTIATE_TEST_SUITE_P(Lanes, SideBySide, testing::Values(1, 2, 5));

TEST(SideBySideLanes, WorkAtTheSameTime) {
  std::promise<void> a, b;
  const auto meet = [](std::promise<void>& mine, std::promise<void>& other) {
    mine.set_value();
    ASSERT_EQ(other.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  };
  run_side_by_side({{[&] { meet(a, b); }}, {[&] { meet(b, a); }}}, lanes_of(2));
}

// Limits the address space: each thread's stack takes 8 MB of it.
TEST(SideBySideLanes, FailWhereThereAreNotThreadsEnough) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer needs the address space";
#endif
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit before = {};
  getrlimit(RLIMIT_AS, &before);
  const rlimit tight = {pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + (std::size_t{256} << 20),
                        before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &tight), 0);
  std::atomic<int> begun = 0;
  const Job job{[&] { ++begun; }};
  expect_error([&] { run_side_by_side({job, job}, lanes_of(1000)); }, "parallel_runs");
  setrlimit(RLIMIT_AS, &before);
  EXPECT_EQ(begun, 0);
}

// As in an experiment, which has not used the GPU before.
TEST(CudaSideBySide, LanesMayBeTheFirstToUseTheGpu) {
  THALWEG_NEED_GPU();
  std::atomic<int> sum = 0;
  const Job job{[&] { sum += at::ones({4}, at::TensorOptions(kGpu).dtype(at::kInt)).sum().item<int>(); }};
  run_side_by_side({job, job}, {2, 1, kGpu});
  EXPECT_EQ(sum, 8);
}

// Each lane captures its graphs and replays them while the others do the same, on one GPU.
TEST(CudaSideBySide, RunsGiveTheBitsOfOneAlone) {
  THALWEG_NEED_GPU();
  ModelConfig model;
  model.name = "vgg11_bn";
  model.width = 0.25;
  const Graph graph = build_model(model, {3, 32, 32}, 10);
  auto generator = at::detail::createCPUGenerator(29);
  const ImageBatches images(at::randint(0, 256, {200, 3, 32, 32}, generator).to(at::kByte),
                            at::randint(0, 10, {200}, generator), {0.5, 0.5, 0.5}, {0.25, 0.25, 0.25}, kGpu);
  TrainConfig config;
  config.batch = 64;
  config.bf16 = true;
  const TrainState start = fresh_state(initial_weights(graph, 3), initial_buffers(graph));
  const auto train = [&](std::uint64_t seed, ConvManifest& plans) {
    TrainStep step(graph, images, config, seed, start);
    if (!plans.choices.empty()) step.conv_plans()->adopt(plans);
    // Four steps per epoch, the last one with eight images. Some have statistics, and those are not captured.
    StepStatistics statistics;
    for (int i = 0; i < 40; ++i) i % 9 == 0 ? step.run(0.01, statistics) : step.run(0.01);
    plans = step.conv_plans()->manifest();
    return step.weights().cpu();
  };
  ConvManifest plans;
  std::vector<at::Tensor> alone, together(12);
  for (std::uint64_t seed = 0; seed < together.size(); ++seed) alone.push_back(train(seed, plans));
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < together.size(); ++i)
    jobs.push_back({[&, i] {
      ConvManifest same = plans;
      together[i] = train(i, same);
    }});
  run_side_by_side(jobs, {4, 1, kGpu});
  for (std::size_t i = 0; i < together.size(); ++i) EXPECT_TRUE(at::equal(together[i], alone[i])) << "run " << i;
}

}  // namespace
}  // namespace thalweg
