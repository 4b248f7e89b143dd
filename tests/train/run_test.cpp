#include "train/run.h"

#include <fstream>
#include <map>
#include <random>

#include <ATen/ATen.h>

#include "base/stream.h"
#include "expect_error.h"
#include "gpu.h"
#include "run_fixture.h"
#include "train/batches.h"
#include "train/run_folder.h"
#include "trajectory/store.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

TEST_F(RunTest, AStopSavesAndTheSameCallGoesOn) {
  train(spec_, "whole");
  request_stop(true);
  try {
    train(spec_, "stopped");
    ADD_FAILURE() << "the run did not stop";
  } catch (const Stopped& stopped) {
    EXPECT_EQ(stopped.code(), ExitCode::kResumable);
  }
  EXPECT_EQ(read_run_status(folder_ / "stopped").at("state"), "interrupted");
  EXPECT_EQ(checkpoint_steps(folder_ / "stopped").size(), 1u);
  request_stop(false);
  train(spec_, "stopped");
  EXPECT_EQ(fingerprint("stopped"), fingerprint("whole"));
}

TEST_F(RunTest, GoesOnFromAnyCheckpointWithTheSameBits) {
  spec_.train.checkpoint_every = {0.2};
  keep_all();
  train(spec_, "whole");
  const std::string expected = fingerprint("whole");
  for (const std::int64_t step : {0, 1, 4, 5, 7, 10, 13, 14}) {
    forget_beyond("whole", step);
    train(spec_, "whole");
    EXPECT_EQ(fingerprint("whole"), expected) << "from step " << step;
  }
}

// Configurations with various kinds of state and random draws; each has different tensors in its checkpoints.
std::map<std::string, TrainConfig> stateful(const TrainConfig& plain) {
  TrainConfig sam = plain, adamw = plain;
  sam.optimizer.nesterov = true;
  sam.optimizer.sam_rho = 0.05;
  sam.optimizer.clip_norm = 1;
  sam.average = {AverageKind::kEma, 0.9, 0.5};
  sam.bf16 = true;
  sam.step_statistics = true;
  adamw.optimizer.kind = OptimizerKind::kAdamW;
  adamw.schedule["lr"] = 0.003;
  adamw.average = {AverageKind::kSwa, 0, 0};
  adamw.accumulate = 2;
  adamw.mixup = 0.4;
  adamw.label_smoothing = 0.1;
  return {{"sam", sam}, {"adamw", adamw}};
}

TEST_F(RunTest, GoesOnFromTenRandomStepsWithTheSameBits) {
  const char* const given = std::getenv("THALWEG_TEST_SEED");  // to repeat a failure
  const unsigned seed = given ? static_cast<unsigned>(std::stoul(given)) : std::random_device()();
  std::mt19937 generator(seed);
  for (const auto& [name, train_config] : stateful(spec_.train)) {
    spec_.train = train_config;
    spec_.train.checkpoint_every = {1, Cadence::Unit::kSteps};
    spec_.train.log_every = 1;
    keep_all();
    train(spec_, name);
    const auto all = [&, run = name] { return fingerprint(run) + fingerprint(run + "/average"); };
    const std::string expected = all();
    for (int k = 0; k < 10; ++k) {
      const std::int64_t step = std::uniform_int_distribution<std::int64_t>(0, end_step() - 1)(generator);
      forget_beyond(name, step);
      train(spec_, name);
      EXPECT_EQ(all(), expected) << name << " from step " << step << ", THALWEG_TEST_SEED=" << seed;
    }
  }
}

TEST_F(RunTest, EvaluatesInsideEpochsToo) {
  spec_.train.evaluate_every = {3, Cadence::Unit::kSteps};
  train(spec_, "run");
  std::map<std::int64_t, std::string> evaluated;  // step -> kind of the line
  std::ifstream metrics(folder_ / "run/metrics.jsonl");
  for (std::string text; std::getline(metrics, text);) {
    const nlohmann::json line = nlohmann::json::parse(text);
    if (line.contains("test_loss")) evaluated[line.at("step")] = line.at("kind");
  }
  const std::string inside = "evaluation", at_end = "epoch";  // epochs have five steps
  EXPECT_EQ(evaluated,
            (std::map<std::int64_t, std::string>{{3, inside}, {6, inside}, {9, inside}, {12, inside}, {15, at_end}}));
}

TEST_F(RunTest, AClockThatTellsWhenToCheckpointChangesNoResult) {
  train(spec_, "epochs");
  spec_.train.checkpoint_every = {1e-9, Cadence::Unit::kMinutes};  // after every step
  train(spec_, "minutes");
  EXPECT_EQ(fingerprint("minutes"), fingerprint("epochs"));
}

TEST_F(RunTest, ADoneRunIsNotTouched) {
  const nlohmann::json first = train(spec_, "run");
  const auto time = fs::last_write_time(folder_ / "run/weights.safetensors");
  EXPECT_EQ(train(spec_, "run"), first);
  EXPECT_EQ(fs::last_write_time(folder_ / "run/weights.safetensors"), time);
}

TEST_F(RunTest, RefusesAFolderOfAnotherConfiguration) {
  train(spec_, "run");
  spec_.train.batch = 20;
  expect_error([&] { train(spec_, "run"); }, "train.batch: 16 there, 20 here");
}

TEST_F(RunTest, ABranchWithTheMainPathsScheduleIsTheMainPath) {
  spec_.train.schedule = {{"kind", "constant"}, {"lr", 0.05}};
  spec_.train.epochs = 2;
  spec_.keep = {3};  // in the middle of an epoch
  train(spec_, "main");
  RunSpec branch = branch_at(3);
  branch.train.epochs = 7.0 / 5.0;  // to the main path's end, at 5 steps per epoch
  train(branch, "branch");
  const TrajectoryReader main(folder_ / "main/trajectory");
  const TrajectoryReader forked(folder_ / "branch/trajectory");
  EXPECT_EQ(forked.info(0).step, 3);
  EXPECT_EQ(forked.info(forked.size() - 1).step, 10);
  EXPECT_TRUE(at::equal(forked.weights(forked.size() - 1), main.weights(main.size() - 1)));
  EXPECT_TRUE(at::equal(forked.buffers(forked.size() - 1), main.buffers(main.size() - 1)));
}

TEST_F(RunTest, RefusesABranchOfAMainPathThatWasTrainedAnew) {
  spec_.train.epochs = 1;
  spec_.keep = {2};
  train(spec_, "main");
  RunSpec branch = branch_at(2);
  train(branch, "branch");
  spec_.seed = 5;
  train(spec_, "anew");
  fs::copy_file(checkpoint_path(folder_ / "anew", 2), branch.fork, fs::copy_options::overwrite_existing);
  expect_error([&] { train(branch, "branch"); }, "fork:");
}

TEST_F(RunTest, WhatDoesNotFitIsSaidBeforeTheFolderIsTaken) {
  spec_.train.schedule = {{"kind", "step"}, {"lr", 0.05}, {"every", 0.05}};  // less than one step
  expect_usage_error([&] { train(spec_, "run"); }, "train.schedule.every");
  EXPECT_FALSE(fs::exists(folder_ / "run/run.json"));
}

TEST_F(RunTest, WhatIsKeptAndToldMayChangeWhereARunGoesOn) {
  train(spec_, "whole");
  request_stop(true);
  EXPECT_THROW(train(spec_, "changed"), Stopped);
  request_stop(false);
  RunSpec changed = spec_;
  changed.train.keep_last = 2;
  changed.train.checkpoint_every = {0.4};
  changed.train.divergence_factor = 0;
  train(changed, "changed");
  EXPECT_EQ(fingerprint("changed"), fingerprint("whole"));
  EXPECT_EQ(checkpoint_steps(folder_ / "changed"), (std::vector<std::int64_t>{14, 15}));
  EXPECT_EQ(read_run_identity(folder_ / "changed").at("train").at("keep_last"), 2);
}

class CudaRunTest : public RunTest {
 protected:
  void SetUp() override {
    THALWEG_NEED_GPU();
    device_ = kGpu;
    use_device(device_);
    spec_.train.bf16 = true;
  }
};

TEST_F(CudaRunTest, GoesOnFromAnyCheckpointWithTheSameBits) {
  spec_.train.checkpoint_every = {0.2};
  keep_all();
  train(spec_, "whole");
  const std::string expected = fingerprint("whole"), plans = read_file(folder_ / "whole/conv_plans.json");
  for (const std::int64_t step : {0, 1, 4, 5, 7, 14}) {
    forget_beyond("whole", step);
    train(spec_, "whole");
    EXPECT_EQ(fingerprint("whole"), expected) << "from step " << step;
    EXPECT_EQ(read_file(folder_ / "whole/conv_plans.json"), plans);
  }
}

TEST_F(CudaRunTest, ABranchIsComputedByItsMainPathsPlans) {
  spec_.train.schedule = {{"kind", "constant"}, {"lr", 0.05}};
  spec_.train.epochs = 2;
  spec_.keep = {3};
  train(spec_, "main");
  RunSpec branch = branch_at(3);
  branch.train.epochs = 7.0 / 5.0;
  train(branch, "branch");
  EXPECT_EQ(read_file(folder_ / "branch/conv_plans.json"), read_file(folder_ / "main/conv_plans.json"));
  const TrajectoryReader main(folder_ / "main/trajectory"), forked(folder_ / "branch/trajectory");
  EXPECT_TRUE(at::equal(forked.weights(forked.size() - 1), main.weights(main.size() - 1)));
}

TEST_F(CudaRunTest, NoticesDivergenceThoughItDoesNotWaitForEachLoss) {
  data_ = load_data({.train_images = 1600, .test_images = 20});  // 200 steps per epoch
  spec_.train.batch = 8;
  spec_.train.log_every = 50;
  spec_.train.snapshots = {{"every_epochs", 0}};
  spec_.train.schedule = {{"kind", "constant"}, {"lr", 1e6}};
  expect_error([&] { train(spec_, "run"); }, "after step 49 ");
  EXPECT_LE(read_run_status(folder_ / "run").at("step"), 100);
}

TEST_F(RunTest, DataOrderIsAPermutationOfItsEpoch) {
  const at::Tensor order = epoch_order(3, 7, 101);
  EXPECT_TRUE(at::equal(std::get<0>(order.sort()), at::arange(101, at::kLong)));
  EXPECT_FALSE(at::equal(order, epoch_order(3, 8, 101)));
  EXPECT_FALSE(at::equal(order, epoch_order(4, 7, 101)));
  EXPECT_TRUE(at::equal(order, epoch_order(3, 7, 101)));
}

}  // namespace
}  // namespace thalweg
