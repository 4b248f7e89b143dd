#include "train/plan.h"

#include <gtest/gtest.h>

namespace thalweg {
namespace {

// Seven images in batches of three give three steps per epoch, the last with one image.
RunSpec small_spec() {
  RunSpec spec;
  spec.train.epochs = 3;
  spec.train.batch = 3;
  spec.train.log_every = 2;
  spec.train.snapshots = {{"every_epochs", 0}};
  return spec;
}
constexpr std::int64_t kImages = 7;

TEST(RunPlan, CountsImagesThroughRaggedEpochs) {
  const RunSpec spec = small_spec();
  const RunPlan plan(spec, kImages);
  EXPECT_EQ(plan.steps_per_epoch(), 3);
  EXPECT_EQ(plan.end_step(), 9);
  const std::vector<double> expected = {0, 3, 6, 7, 10, 13, 14, 17, 20, 21};
  for (std::size_t step = 0; step < expected.size(); ++step)
    EXPECT_EQ(plan.images_at(static_cast<std::int64_t>(step)), expected[step]) << step;
}

TEST(RunPlan, ABranchCountsItsImagesRatesAndEndFromTheFork) {
  RunSpec spec = small_spec();
  spec.first_step = 4;
  spec.fork = "checkpoint";
  spec.train.epochs = 1;
  spec.train.schedule = {{"kind", "late_decay"}, {"lr", 1}, {"decay_at", 2.0 / 3}, {"factor", 0.5}};
  const RunPlan plan(spec, kImages);
  EXPECT_EQ(plan.end_step(), 7);
  EXPECT_EQ(plan.images_at(4), 0);
  EXPECT_EQ(plan.images_at(7), 7);
  EXPECT_EQ(plan.lr_at(5), 1);
  EXPECT_EQ(plan.lr_at(6), 0.5);
}

TEST(RunPlan, SaysWhatIsDue) {
  RunSpec spec = small_spec();
  spec.train.evaluate_every = {2};
  spec.train.checkpoint_every = {4, Cadence::Unit::kSteps};
  spec.keep = {5};
  const RunPlan plan(spec, kImages);
  const auto steps = [&](bool Agenda::*what) {
    std::vector<std::int64_t> out;
    for (std::int64_t step = 1; step <= 9; ++step) {
      if (plan.agenda(step, 0).*what) out.push_back(step);
    }
    return out;
  };
  EXPECT_EQ(steps(&Agenda::log), (std::vector<std::int64_t>{2, 4, 6, 8}));
  EXPECT_EQ(steps(&Agenda::epoch_end), (std::vector<std::int64_t>{3, 6, 9}));
  EXPECT_EQ(steps(&Agenda::evaluate), (std::vector<std::int64_t>{6, 9}));
  EXPECT_EQ(steps(&Agenda::checkpoint), (std::vector<std::int64_t>{4, 5, 8, 9}));
  EXPECT_EQ(steps(&Agenda::snapshot), (std::vector<std::int64_t>{5, 9}));
  EXPECT_EQ(plan.snapshot_reason(5), "fork");
  EXPECT_EQ(plan.snapshot_reason(9), "last");
  EXPECT_FALSE(plan.agenda(1, 0).anything());
}

TEST(RunPlan, ARunThatEndsInsideAnEpochEndsThatEpochThere) {
  RunSpec spec = small_spec();
  spec.train.epochs = 1.4;
  const RunPlan plan(spec, kImages);
  EXPECT_EQ(plan.end_step(), 4);
  const Agenda last = plan.agenda(4, 0);
  EXPECT_TRUE(last.epoch_end && last.evaluate && last.snapshot && last.checkpoint);
}

}  // namespace
}  // namespace thalweg
