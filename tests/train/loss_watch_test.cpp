#include "train/loss_watch.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "io/temp_folder.h"

namespace thalweg {
namespace {

using Steps = std::vector<std::int64_t>;

// A run with ten steps per epoch; the loss of random guessing is log(10).
class LossWatchTest : public testing::Test {
 protected:
  LossWatchTest() {
    graph_.nodes.resize(1);
    graph_.nodes.back().shape = {10, 1, 1};
    for (const std::int64_t step : {5, 10}) save(step);
  }
  static RunSpec spec() {
    RunSpec out;
    out.train.batch = 10;
    return out;
  }
  void save(std::int64_t step) const {
    Checkpoint checkpoint;
    checkpoint.state = fresh_state(at::zeros({2}), at::zeros({0}));
    checkpoint.state.step = step;
    write_checkpoint(folder_.path(), checkpoint);
  }
  std::string checkpoint(std::int64_t step) const { return checkpoint_path(folder_.path(), step).string(); }
  LossWatch make_watch() const { return {spec_, graph_, plan_, checkpoints_, 10}; }

  TempFolder folder_;
  Graph graph_;
  RunSpec spec_ = spec();
  RunPlan plan_{spec_, 100};
  CheckpointFolder checkpoints_{folder_.path(), 1, [](std::int64_t) { return false; }};
};

TEST_F(LossWatchTest, ACheckpointReplacesOthersWhenALossVouchesForIt) {
  LossWatch watch = make_watch();
  EXPECT_EQ(watch.judge(2, 9), "");
  EXPECT_EQ(checkpoint_steps(folder_.path()), (Steps{5, 10}));
  EXPECT_EQ(watch.judge(2, 10), "");
  EXPECT_EQ(checkpoint_steps(folder_.path()), (Steps{10}));
  save(15);
  watch.add_checkpoint(15);
  EXPECT_EQ(watch.checkpoint(), 15);
  EXPECT_NE(watch.judge(INFINITY, 15), "");
  EXPECT_EQ(watch.judge(2, 14), "");
  EXPECT_EQ(checkpoint_steps(folder_.path()), (Steps{10, 15}));
}

TEST_F(LossWatchTest, APoppedStepIsJudgedByTheWeightsBeforeIt) {
  LossWatch watch = make_watch();
  EXPECT_FALSE(watch.pop(0));
  EXPECT_FALSE(watch.last());
  watch.push({.step = 11}, at::full({}, 2.5f));
  const std::optional<JudgedStep> sound = watch.pop(0);
  ASSERT_TRUE(sound);
  EXPECT_EQ(sound->trouble, "");
  EXPECT_EQ(sound->step.loss, 2.5);
  EXPECT_EQ(watch.last(), 2.5);
  EXPECT_EQ(checkpoint_steps(folder_.path()), (Steps{10}));
  watch.push({.step = 12}, at::full({}, std::numeric_limits<float>::quiet_NaN()));
  const std::string trouble = watch.pop(0)->trouble;
  for (const std::string& words :
       {std::string("the training loss is nan after step 11 (epoch 1.10, learning rate 0.1)"),
        "last good checkpoint is " + checkpoint(10) + ". Lower the learning rate"})
    EXPECT_NE(trouble.find(words), std::string::npos) << trouble;
}

TEST_F(LossWatchTest, ALossThatIsFiniteCanBeAllowed) {
  LossWatch watch = make_watch();
  const double high = 1.01e4 * std::log(10);
  EXPECT_EQ(watch.judge(0.99e4 * std::log(10), 7), "");
  EXPECT_NE(watch.judge(high, 7).find("train.divergence_factor"), std::string::npos);
  EXPECT_EQ(watch.judge(INFINITY, 7).find("train.divergence_factor"), std::string::npos);
  spec_.train.divergence_factor = 0;
  EXPECT_EQ(watch.judge(high, 7), "");
  EXPECT_NE(watch.judge(INFINITY, 7), "");
}

}  // namespace
}  // namespace thalweg
