#include "train/run.h"

#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <regex>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "base/stop.h"
#include "base/stream.h"
#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"
#include "models/models.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/metrics.h"
#include "train/plan.h"
#include "train/run_folder.h"
#include "trajectory/store.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

// A small run with everything that has state: batch norm, momentum, augmentation, a ragged last batch.
class RunTest : public testing::Test {
 protected:
  RunTest()
      : data_(load_data({.train_images = 70, .test_images = 20})), graph_(build_model(small_model(), {3, 32, 32}, 10)) {
    spec_.train.epochs = 3;
    spec_.train.batch = 16;
    spec_.train.augment = {4, true, 4};
    spec_.train.schedule = {{"kind", "late_decay"}, {"lr", 0.05}, {"decay_at", 2}, {"factor", 0.1}};
    spec_.train.snapshots = {{"every_epochs", 0.5}, {"around_rate_change", 1}};
    spec_.train.log_every = 3;
    spec_.seed = 4;
    spec_.description = {{"model", {{"name", "vgg11_bn"}}}};
  }
  ~RunTest() override { request_stop(false); }

  static ModelConfig small_model() {
    ModelConfig model;
    model.name = "vgg11_bn";
    model.width = 0.0625;
    return model;
  }
  nlohmann::json train(const RunSpec& spec, const std::string& name) {
    return train_run(spec, {graph_, data_, device_, ProgressMode::kQuiet}, folder_ / name);
  }
  // Every byte that a run leaves, but for wall-clock times.
  std::string fingerprint(const std::string& name) const {
    std::string out = read_file(folder_ / (name + "/weights.safetensors"));
    out +=
        read_file(folder_ / (name + "/trajectory/weights.f32")) + read_file(folder_ / (name + "/trajectory/index.log"));
    std::ifstream metrics(folder_ / (name + "/metrics.jsonl"));
    for (std::string line; std::getline(metrics, line);) {
      nlohmann::json json = nlohmann::json::parse(line);
      json.erase("seconds");
      out += json.dump();
    }
    return out;
  }

  TempFolder folder_;
  c10::Device device_{at::kCPU};
  DataSet data_;
  Graph graph_;
  RunSpec spec_;
};

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
  const std::int64_t end = RunPlan(spec_, 70).end_step();
  for (std::int64_t step = 0; step <= end; ++step) spec_.keep.push_back(step);  // a checkpoint of every step
  train(spec_, "whole");
  const std::string expected = fingerprint("whole");
  for (const std::int64_t step : {0, 1, 4, 5, 7, 10, 13, 14}) {
    // What a kill during step + 1 leaves: later checkpoints do not exist, journals may reach beyond the checkpoint.
    for (std::int64_t later = step + 1; later <= end; ++later) fs::remove(checkpoint_path(folder_ / "whole", later));
    fs::remove(folder_ / "whole/status.json");
    fs::remove(folder_ / "whole/weights.safetensors");
    train(spec_, "whole");
    EXPECT_EQ(fingerprint("whole"), expected) << "from step " << step;
  }
}

// Whatever has state or draws: each of these configurations has other tensors in its checkpoints.
std::map<std::string, TrainConfig> stateful(const TrainConfig& plain) {
  TrainConfig sam = plain, adamw = plain;
  sam.optimizer.nesterov = true;
  sam.optimizer.sam_rho = 0.05;
  sam.optimizer.clip_norm = 1;
  sam.average = {"ema", 0.9, 0.5};
  sam.bf16 = true;
  sam.step_statistics = true;
  adamw.optimizer.kind = "adamw";
  adamw.schedule["lr"] = 0.003;
  adamw.average = {"swa", 0, 0};
  adamw.accumulate = 2;
  adamw.mixup = 0.4;
  adamw.label_smoothing = 0.1;
  return {{"sam", sam}, {"adamw", adamw}};
}

TEST_F(RunTest, GoesOnFromTenRandomStepsWithTheSameBits) {
  const auto seed = std::random_device()();
  std::mt19937 generator(seed);
  for (const auto& [name, train_config] : stateful(spec_.train)) {
    spec_.train = train_config;
    spec_.train.checkpoint_every = {1, Cadence::Unit::kSteps};
    spec_.train.log_every = 1;
    spec_.keep.clear();
    const std::int64_t end = RunPlan(spec_, 70).end_step();
    for (std::int64_t step = 0; step <= end; ++step) spec_.keep.push_back(step);
    train(spec_, name);
    const auto all = [&, run = name] { return fingerprint(run) + fingerprint(run + "/average"); };
    const std::string expected = all();
    for (int k = 0; k < 10; ++k) {
      const std::int64_t step = std::uniform_int_distribution<std::int64_t>(0, end - 1)(generator);
      for (std::int64_t later = step + 1; later <= end; ++later) fs::remove(checkpoint_path(folder_ / name, later));
      fs::remove(folder_ / (name + "/status.json"));
      fs::remove(folder_ / (name + "/weights.safetensors"));
      train(spec_, name);
      EXPECT_EQ(all(), expected) << name << " from step " << step << ", seed " << seed;
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
  const std::string inside = "evaluation", at_end = "epoch";  // of an epoch of five steps
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
  RunSpec branch = spec_;
  branch.name = "branch";
  branch.keep.clear();
  branch.first_step = 3;
  branch.fork = checkpoint_path(folder_ / "main", 3);
  branch.train.epochs = 7.0 / 5.0;  // to the main path's end: 5 steps an epoch
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
  RunSpec branch = spec_;
  branch.name = "branch";
  branch.keep.clear();
  branch.first_step = 2;
  branch.fork = checkpoint_path(folder_ / "main", 2);
  train(branch, "branch");
  spec_.seed = 5;
  train(spec_, "anew");
  fs::copy_file(checkpoint_path(folder_ / "anew", 2), branch.fork, fs::copy_options::overwrite_existing);
  expect_error([&] { train(branch, "branch"); }, "fork:");
}

// What a run says that breaks.
std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

// The checkpoint that such a message names.
Checkpoint last_good(const std::string& message, const Graph& graph) {
  std::smatch match;
  if (!std::regex_search(message, match, std::regex("last good checkpoint is (\\S+)\\. "))) return {};
  return read_checkpoint(match[1].str(), graph);
}

TEST_F(RunTest, DivergenceNamesTheUpdateThatBrokeAndACheckpointFromBeforeIt) {
  // The rate jumps with the update from step 5 to 6; the loss of step 6's weights is the first that is not sound.
  spec_.train.schedule = {{"kind", "late_decay"}, {"lr", 0.05}, {"decay_at", 1}, {"factor", 1e6}};
  spec_.train.divergence_factor = 100;
  for (const double every : {1.0, 5.0}) {
    const std::string name = fmt::format("every-{}", every);
    spec_.train.checkpoint_every = {every, Cadence::Unit::kSteps};
    for (const char* run : {"first", "again"}) {
      const std::string message = message_of([&] { train(spec_, name); });
      EXPECT_NE(message.find("after step 6 (epoch 1.20, rate 50000)"), std::string::npos) << run << ": " << message;
      EXPECT_EQ(last_good(message, graph_).state.step, 5) << run << ": " << message;
    }
  }
}

TEST_F(RunTest, ARunThatBreaksInItsLastUpdateIsNotDone) {
  spec_.train.epochs = 0.2;  // one step
  spec_.train.schedule = {{"kind", "constant"}, {"lr", 1e6}};
  const std::string message = message_of([&] { train(spec_, "run"); });
  EXPECT_NE(message.find("after step 1 "), std::string::npos) << message;
  EXPECT_NE(message.find("last good checkpoint is none"), std::string::npos) << message;
  EXPECT_EQ(read_run_status(folder_ / "run").at("state"), "failed");
}

TEST_F(RunTest, ABranchThatBreaksNamesItsForkWhereItHasNoCheckpointOfItsOwn) {
  spec_.train.epochs = 2;
  spec_.keep = {7};
  train(spec_, "main");
  RunSpec branch = spec_;
  branch.name = "branch";
  branch.keep.clear();
  branch.first_step = 7;
  branch.fork = checkpoint_path(folder_ / "main", 7);
  branch.train.schedule = {{"kind", "constant"}, {"lr", 1e6}};
  branch.train.checkpoint_every = {100};
  const std::string message = message_of([&] { train(branch, "branch"); });
  EXPECT_NE(message.find("last good checkpoint is " + branch.fork.string()), std::string::npos) << message;
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

TEST_F(RunTest, DivergenceNamesStepAndRateAndKeepsTheLastGoodCheckpoint) {
  spec_.train.schedule = {
      {"kind", "multi_step"}, {"lr", 0.05}, {"milestones", {1.0, 1.2, 1.4, 1.6, 1.8}}, {"factor", 1e6}};
  expect_error([&] { train(spec_, "run"); }, "diverged");
  const std::vector<std::int64_t> steps = checkpoint_steps(folder_ / "run");
  ASSERT_FALSE(steps.empty());
  const Checkpoint last = read_checkpoint(checkpoint_path(folder_ / "run", steps.back()), graph_);
  EXPECT_TRUE(at::isfinite(last.state.weights).all().item<bool>());
}

TEST_F(RunTest, ALossFarBeyondThatOfGuessingIsDivergenceToo) {
  spec_.train.divergence_factor = 1.01;
  spec_.train.schedule = {{"kind", "constant"}, {"lr", 2.0}};
  expect_error([&] { train(spec_, "run"); }, "train.divergence_factor");
  EXPECT_EQ(read_run_status(folder_ / "run").at("state"), "failed");
  spec_.train.divergence_factor = 0;
  train(spec_, "allowed");
}

TEST_F(RunTest, StopsEarlyAndCleanlyWhereTheMetricNoLongerImproves) {
  spec_.train.epochs = 9;
  spec_.train.early_stop = {"train_loss", 2, 100};  // nothing counts as an improvement: over after the third epoch
  spec_.train.snapshots = {{"every_epochs", 0}};
  spec_.keep = {7};
  const nlohmann::json result = train(spec_, "run");
  const nlohmann::json status = read_run_status(folder_ / "run");
  EXPECT_EQ(status.at("state"), "done");
  EXPECT_EQ(status.at("step"), 15);
  EXPECT_EQ(status.at("end_step"), 45);
  EXPECT_EQ(status.at("stopped_early").at("metric"), "train_loss");
  EXPECT_EQ(status.at("stopped_early").at("step"), 5);
  const TrajectoryReader trajectory(folder_ / "run/trajectory");
  EXPECT_EQ(trajectory.info(trajectory.size() - 1).step, 15);
  EXPECT_EQ(trajectory.info(trajectory.size() - 1).reason, "last");
  // Killed before the end was written, and earlier.
  const std::string expected = fingerprint("run");
  for (const std::int64_t last : {15, 7}) {
    fs::remove(folder_ / "run/status.json");
    fs::remove(folder_ / "run/weights.safetensors");
    if (last < 15) fs::remove(checkpoint_path(folder_ / "run", 15));
    EXPECT_EQ(train(spec_, "run"), result);
    EXPECT_EQ(fingerprint("run"), expected);
    EXPECT_EQ(read_run_status(folder_ / "run"), status);
  }
}

TEST_F(RunTest, ARunThatImprovesIsNotStopped) {
  spec_.train.early_stop = {"train_loss", 3};
  train(spec_, "run");
  EXPECT_FALSE(read_run_status(folder_ / "run").contains("stopped_early"));
}

TEST_F(RunTest, KeepsAsManyCheckpointsAsAskedFor) {
  spec_.train.keep_last = 2;
  spec_.keep = {4};
  train(spec_, "run");
  EXPECT_EQ(checkpoint_steps(folder_ / "run"), (std::vector<std::int64_t>{4, 10, 15}));
}

TEST_F(RunTest, KeepsTheBestEpochsCheckpoint) {
  spec_.train.epochs = 6;
  spec_.train.checkpoint_every = {100};  // none by itself before the end
  spec_.train.keep_best = "test_loss";
  for (std::int64_t step = 1; step <= 30; ++step) spec_.keep.push_back(step);
  train(spec_, "run");
  double best = std::numeric_limits<double>::infinity();
  std::int64_t best_step = 0;
  for (const nlohmann::json& line : read_metric_lines(folder_ / "run/metrics.jsonl")) {
    if (line.at("test_loss") >= best) continue;
    best = line.at("test_loss");
    best_step = line.at("step");
  }
  const nlohmann::json status = read_run_status(folder_ / "run");
  EXPECT_EQ(status.at("best").at("step"), best_step);
  EXPECT_EQ(status.at("best").at("value"), best);
  const fs::path file = folder_ / "run/checkpoints/best.safetensors";
  EXPECT_EQ(read_file(file), read_file(checkpoint_path(folder_ / "run", best_step)));
  // Killed between the best checkpoint and its second name.
  write_file_atomically(file, "an older one");
  for (std::int64_t later = best_step + 1; later <= 30; ++later) fs::remove(checkpoint_path(folder_ / "run", later));
  fs::remove(folder_ / "run/status.json");
  train(spec_, "run");
  EXPECT_EQ(read_file(file), read_file(checkpoint_path(folder_ / "run", best_step)));
  EXPECT_FALSE(fs::exists(folder_ / "run/checkpoints/.best.tmp"));
  EXPECT_EQ(read_run_status(folder_ / "run"), status);
}

TEST_F(RunTest, TheBestCheckpointOutlivesItsFirstName) {
  spec_.train.keep_best = "train_loss";
  spec_.train.early_stop = {"train_loss", 2, 100};
  train(spec_, "run");
  EXPECT_EQ(checkpoint_steps(folder_ / "run").size(), 1u);
  const std::int64_t best = read_run_status(folder_ / "run").at("best").at("step");
  EXPECT_EQ(read_checkpoint(folder_ / "run/checkpoints/best.safetensors", graph_).state.step, best);
}

TEST_F(RunTest, WatchesTheValidationSplitWhereThereIsOne) {
  spec_.train.keep_best = "validation_loss";
  data_.validation = data_.test;
  const nlohmann::json result = train(spec_, "run");
  EXPECT_EQ(result.at("validation_loss"), result.at("test_loss"));
  for (const nlohmann::json& line : read_metric_lines(folder_ / "run/metrics.jsonl"))
    EXPECT_EQ(line.at("validation_accuracy"), line.at("test_accuracy"));
  EXPECT_EQ(read_run_status(folder_ / "run").at("best").at("metric"), "validation_loss");
}

TEST_F(RunTest, IsJudgedByEvaluationsInsideEpochsToo) {
  spec_.train.evaluate_every = {3, Cadence::Unit::kSteps};  // of five an epoch
  spec_.train.epochs = 9;
  spec_.train.keep_best = "test_loss";
  spec_.train.early_stop = {"test_loss", 1.2, 100};  // nothing counts as an improvement
  train(spec_, "run");
  const nlohmann::json status = read_run_status(folder_ / "run");
  EXPECT_EQ(status.at("stopped_early").at("step"), 3);
  EXPECT_EQ(status.at("step"), 9);
  const std::int64_t best = status.at("best").at("step");
  EXPECT_EQ(best % 3, 0);
  EXPECT_EQ(read_checkpoint(folder_ / "run/checkpoints/best.safetensors", graph_).state.step, best);
}

TEST_F(RunTest, RefusesToBeJudgedByWhatIsNeverKnown) {
  spec_.train.keep_best = "validation_loss";
  expect_usage_error([&] { train(spec_, "run"); }, "train.keep_best");
  spec_.train.keep_best = "";
  spec_.train.early_stop.metric = "test_loss";
  spec_.train.evaluate_every = {0};
  expect_usage_error([&] { train(spec_, "run"); }, "train.evaluate_every");
  EXPECT_FALSE(fs::exists(folder_ / "run"));  // free for the configuration that is right
}

class CudaRunTest : public RunTest {
 protected:
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "no GPU on this machine";
    device_ = {c10::kCUDA, 0};
    use_device(device_);
    spec_.train.bf16 = true;
  }
};

TEST_F(CudaRunTest, GoesOnFromAnyCheckpointWithTheSameBits) {
  spec_.train.checkpoint_every = {0.2};
  const std::int64_t end = RunPlan(spec_, 70).end_step();
  for (std::int64_t step = 0; step <= end; ++step) spec_.keep.push_back(step);
  train(spec_, "whole");
  const std::string expected = fingerprint("whole"), plans = read_file(folder_ / "whole/conv_plans.json");
  for (const std::int64_t step : {0, 1, 4, 5, 7, 14}) {
    for (std::int64_t later = step + 1; later <= end; ++later) fs::remove(checkpoint_path(folder_ / "whole", later));
    fs::remove(folder_ / "whole/status.json");
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
  RunSpec branch = spec_;
  branch.name = "branch";
  branch.keep.clear();
  branch.first_step = 3;
  branch.fork = checkpoint_path(folder_ / "main", 3);
  branch.train.epochs = 7.0 / 5.0;
  train(branch, "branch");
  EXPECT_EQ(read_file(folder_ / "branch/conv_plans.json"), read_file(folder_ / "main/conv_plans.json"));
  const TrajectoryReader main(folder_ / "main/trajectory"), forked(folder_ / "branch/trajectory");
  EXPECT_TRUE(at::equal(forked.weights(forked.size() - 1), main.weights(main.size() - 1)));
}

TEST_F(CudaRunTest, NoticesDivergenceThoughItDoesNotWaitForEachLoss) {
  data_ = load_data({.train_images = 1600, .test_images = 20});  // 200 steps an epoch
  spec_.train.batch = 8;
  spec_.train.log_every = 50;
  spec_.train.snapshots = {{"every_epochs", 0}};
  spec_.train.schedule = {{"kind", "constant"}, {"lr", 1e6}};
  expect_error([&] { train(spec_, "run"); }, "at step 50 ");
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
