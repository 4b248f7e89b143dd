// Tests what a run keeps, and how it ends other than by its last step: divergence, out of memory, early stops, the best
// checkpoint.
#include <limits>
#include <new>
#include <regex>

#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>

#include "expect_error.h"
#include "run_fixture.h"
#include "train/metrics.h"
#include "train/run_folder.h"
#include "trajectory/store.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

// The checkpoint named in the error message of a run that diverged.
Checkpoint last_good(const std::string& message, const Graph& graph) {
  std::smatch match;
  if (!std::regex_search(message, match, std::regex("last good checkpoint is (\\S+)\\. "))) return {};
  return read_checkpoint(match[1].str(), graph);
}

TEST_F(RunTest, DivergenceNamesTheUpdateThatBrokeAndACheckpointFromBeforeIt) {
  // The rate jumps with the update from step 5 to 6, so the first bad loss is that of the weights of step 6.
  spec_.train.schedule = {{"kind", "late_decay"}, {"lr", 0.05}, {"decay_at", 1}, {"factor", 1e6}};
  spec_.train.divergence_factor = 100;
  for (const double every : {1.0, 5.0}) {
    const std::string name = fmt::format("every-{}", every);
    spec_.train.checkpoint_every = {every, Cadence::Unit::kSteps};
    for (const char* run : {"first", "again"}) {
      const std::string message = message_of([&] { train(spec_, name); });
      EXPECT_NE(message.find("after step 6 (epoch 1.20, learning rate 50000)"), std::string::npos)
          << run << ": " << message;
      EXPECT_EQ(last_good(message, graph_).state.step, 5) << run << ": " << message;
    }
  }
}

TEST_F(RunTest, ARunThatBreaksInItsLastUpdateIsNotDone) {
  spec_.train.epochs = 0.2;  // one step
  spec_.train.schedule = {{"kind", "constant"}, {"lr", 1e6}};
  const std::string message = message_of([&] { train(spec_, "run"); });
  EXPECT_NE(message.find("after step 1 "), std::string::npos) << message;
  EXPECT_NE(message.find("There is no good checkpoint"), std::string::npos) << message;
  EXPECT_EQ(read_run_status(folder_ / "run").at("state"), "failed");
}

TEST_F(RunTest, ABranchThatBreaksNamesItsForkWhereItHasNoCheckpointOfItsOwn) {
  spec_.train.epochs = 2;
  spec_.keep = {7};
  train(spec_, "main");
  RunSpec branch = branch_at(7);
  branch.train.schedule = {{"kind", "constant"}, {"lr", 1e6}};
  branch.train.checkpoint_every = {100};
  const std::string message = message_of([&] { train(branch, "branch"); });
  EXPECT_NE(message.find("last good checkpoint is " + branch.fork.string()), std::string::npos) << message;
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

// During its lifetime, limits the blocks of host memory that LibTorch can allocate to `bytes`.
class LargestBlock : public c10::Allocator {
 public:
  explicit LargestBlock(std::size_t bytes) : bytes_(bytes) { c10::SetCPUAllocator(this); }
  ~LargestBlock() override { c10::SetCPUAllocator(usual_); }
  LargestBlock(const LargestBlock&) = delete;
  LargestBlock& operator=(const LargestBlock&) = delete;

  c10::DataPtr allocate(std::size_t size) override {
    if (size > bytes_) throw std::bad_alloc();
    return usual_->allocate(size);
  }
  c10::DeleterFnPtr raw_deleter() const override { return usual_->raw_deleter(); }
  void copy_data(void* to, const void* from, std::size_t size) const override { usual_->copy_data(to, from, size); }

 private:
  std::size_t bytes_;
  c10::Allocator* usual_ = c10::GetCPUAllocator();
};

TEST_F(RunTest, AnEvaluationWithoutMemoryFailsTheRunAndTheSameCallGoesOn) {
  data_ = load_data({.train_images = 70, .test_images = 200});
  train(spec_, "whole");
  {
    const LargestBlock limit(1 << 20);  // training on 16 images fits, evaluating 125 does not
    expect_error([&] { train(spec_, "run"); }, "its evaluation");
  }
  const nlohmann::json status = read_run_status(folder_ / "run");
  EXPECT_EQ(status.at("state"), "failed");
  EXPECT_EQ(status.at("failure"), "out of memory");
  EXPECT_EQ(status.at("step"), 5);
  train(spec_, "run");
  EXPECT_EQ(fingerprint("run"), fingerprint("whole"));
}

TEST_F(RunTest, StopsEarlyAndCleanlyWhereTheMetricNoLongerImproves) {
  spec_.train.epochs = 9;
  spec_.train.early_stop = {"train_loss", 2, 100};  // nothing counts as an improvement, so it stops after the third
                                                    // epoch
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
  // As if killed just before the final files were written, and earlier.
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
  spec_.train.checkpoint_every = {100};  // no regular one before the end
  spec_.train.keep_best = "test_loss";
  keep_all();
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
  // As if killed after writing the best checkpoint, but before giving it its second name.
  write_file_atomically(file, "an older one");
  forget_beyond("run", best_step);
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
  spec_.train.evaluate_every = {3, Cadence::Unit::kSteps};  // an epoch has five
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
  EXPECT_FALSE(fs::exists(folder_ / "run"));  // left free for a corrected configuration
}

}  // namespace
}  // namespace thalweg
