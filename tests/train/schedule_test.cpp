#include "train/schedule.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "expect_error.h"

namespace thalweg {
namespace {

using nlohmann::json;
using Steps = std::vector<std::int64_t>;

Schedule make(const std::string& text, std::int64_t steps_per_epoch = 1, double total_epochs = 100) {
  return Schedule(json::parse(text), "train.schedule", steps_per_epoch, total_epochs);
}

void expect_refused(const std::string& text, const std::string& part) {
  SCOPED_TRACE(text);
  expect_usage_error([&] { make(text); }, part);
}

void expect_rates(const Schedule& schedule, const std::vector<double>& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(schedule.lr(static_cast<std::int64_t>(i)), expected[i], 1e-12 * 0.1) << "step " << i;
  }
}

// Recorded from PyTorch 2.11:
//   def rates(make, steps):
//       o = SGD([torch.zeros(1, requires_grad=True)], lr=0.1); s = make(o); out = []
//       for _ in range(steps):
//           out.append(o.param_groups[0]["lr"]); o.step(); s.step()
//       return out
// with the scheduler given in each test's comment.
TEST(ScheduleTorch, StepEqualsStepLR) {  // StepLR(o, 4, 0.1)
  expect_rates(make(R"({"kind": "step", "lr": 0.1, "every": 4, "factor": 0.1})"),
               {0.1, 0.1, 0.1, 0.1, 0.010000000000000002, 0.010000000000000002, 0.010000000000000002,
                0.010000000000000002, 0.0010000000000000002, 0.0010000000000000002, 0.0010000000000000002,
                0.0010000000000000002, 0.00010000000000000003, 0.00010000000000000003});
}

TEST(ScheduleTorch, MultiStepEqualsMultiStepLR) {  // MultiStepLR(o, [3, 8], 0.2)
  expect_rates(make(R"({"kind": "multi_step", "lr": 0.1, "milestones": [3, 8], "factor": 0.2})"),
               {0.1, 0.1, 0.1, 0.020000000000000004, 0.020000000000000004, 0.020000000000000004, 0.020000000000000004,
                0.020000000000000004, 0.004000000000000001, 0.004000000000000001, 0.004000000000000001});
}

TEST(ScheduleTorch, LinearEqualsLinearLR) {  // LinearLR(o, 1.0, 0.05, 10)
  expect_rates(make(R"({"kind": "linear", "lr": 0.1, "end_lr": 0.005, "epochs": 10})"),
               {0.1, 0.090500000000000011, 0.081000000000000016, 0.071500000000000022, 0.062000000000000013,
                0.052500000000000012, 0.04300000000000001, 0.033500000000000009, 0.024000000000000007,
                0.014500000000000006, 0.0050000000000000088, 0.0050000000000000088, 0.0050000000000000088});
}

TEST(ScheduleTorch, CosineEqualsCosineAnnealingLR) {  // CosineAnnealingLR(o, 13, 0.002)
  expect_rates(make(R"({"kind": "cosine", "lr": 0.1, "end_lr": 0.002, "epochs": 13})"),
               {0.1, 0.098576149053876558, 0.094387345257007288, 0.087677026660383961, 0.078835172589826655,
                0.068375639465084251, 0.056906297332510833, 0.045093702667489188, 0.03362436053491577,
                0.023164827410173373, 0.014322973339616041, 0.0076126547429927307, 0.0034238509461234513, 0.002});
}

// SequentialLR(o, [LinearLR(o, 0.25, 1.0, 3), StepLR(o, 4, 0.1)], [3])
TEST(ScheduleTorch, WarmUpBeforeStepEqualsSequentialLR) {
  expect_rates(make(R"({"kind": "step", "lr": 0.1, "every": 4, "warmup": {"epochs": 3, "start_factor": 0.25}})"),
               {0.025000000000000001, 0.050000000000000003, 0.075000000000000011, 0.1, 0.1, 0.1, 0.1,
                0.010000000000000002, 0.010000000000000002, 0.010000000000000002, 0.010000000000000002,
                0.0010000000000000002, 0.0010000000000000002, 0.0010000000000000002});
}

// SequentialLR(o, [LinearLR(o, 0.25, 1.0, 3), CosineAnnealingLR(o, 10, 0.002)], [3])
TEST(ScheduleTorch, WarmUpBeforeCosineEqualsSequentialLR) {
  const Schedule schedule =
      make(R"({"kind": "cosine", "lr": 0.1, "end_lr": 0.002, "warmup": {"epochs": 3, "start_factor": 0.25}})", 1, 13);
  expect_rates(schedule, {0.025000000000000001, 0.050000000000000003, 0.075000000000000011, 0.1, 0.097601769298462537,
                          0.090641832724372429, 0.079801477362331188, 0.066141832724372421, 0.050999999999999997,
                          0.03585816727562758, 0.022198522637668819, 0.011358167275627579, 0.0043982307015374769});
  EXPECT_EQ(schedule.lr(13), 0.002);
}

TEST(Schedule, ConstantStaysAndChangesNowhere) {
  const Schedule schedule = make(R"({"kind": "constant", "lr": 0.05})", 391);
  for (const std::int64_t step : {0LL, 1LL, 390LL, 1'000'000'000'000LL}) EXPECT_EQ(schedule.lr(step), 0.05);
  EXPECT_TRUE(schedule.change_steps(1'000'000).empty());
}

TEST(Schedule, LateDecayDropsOnceAtTheRoundedStep) {
  // 2.3 epochs of 391 steps = 899.3 -> 899
  const Schedule schedule = make(R"({"kind": "late_decay", "lr": 0.1, "decay_at": 2.3, "factor": 0.25})", 391);
  EXPECT_EQ(schedule.lr(898), 0.1);
  EXPECT_EQ(schedule.lr(899), 0.025);
  EXPECT_EQ(schedule.lr(100'000), 0.025);
  EXPECT_EQ(schedule.change_steps(10'000), Steps{899});
  EXPECT_TRUE(schedule.change_steps(899).empty());
}

TEST(Schedule, DropAtTheStartIsNoChange) {
  const Schedule schedule = make(R"({"kind": "late_decay", "lr": 0.1, "decay_at": 0, "factor": 0.5})");
  EXPECT_EQ(schedule.lr(0), 0.05);
  EXPECT_TRUE(schedule.change_steps(100).empty());
}

TEST(Schedule, TellsALastChangeThatTheRunDoesNotReach) {
  const auto missed = [](const std::string& text, std::int64_t end, std::int64_t steps_per_epoch = 1) {
    return make(text, steps_per_epoch, static_cast<double>(end) / static_cast<double>(steps_per_epoch))
        .missed_change(end);
  };
  const std::string drop = R"({"kind": "late_decay", "lr": 0.1, "decay_at": 9})";
  EXPECT_EQ(missed(drop, 9), 9);  // no update takes the lower rate
  EXPECT_EQ(missed(drop, 10), std::nullopt);
  EXPECT_EQ(missed(drop, 30, 5), 45);
  EXPECT_EQ(missed(R"({"kind": "multi_step", "lr": 1, "milestones": [3, 20], "warmup": {"epochs": 2}})", 21), 22);
  EXPECT_EQ(missed(R"({"kind": "cosine", "lr": 1})", 10), std::nullopt);
  EXPECT_EQ(missed(R"({"kind": "cosine", "lr": 1, "epochs": 10})", 10), std::nullopt);
  EXPECT_EQ(missed(R"({"kind": "cosine", "lr": 1, "epochs": 12})", 10), 12);
  EXPECT_EQ(missed(R"({"kind": "one_cycle", "lr": 1})", 10), std::nullopt);
  EXPECT_EQ(missed(R"({"kind": "constant", "lr": 1})", 10), std::nullopt);
  EXPECT_EQ(missed(R"({"kind": "constant", "lr": 1, "warmup": {"epochs": 12}})", 10), 12);
  EXPECT_EQ(missed(R"({"kind": "constant", "lr": 1, "warmup": {"epochs": 12, "start_factor": 1}})", 10), std::nullopt);
  EXPECT_EQ(missed(R"({"kind": "late_decay", "lr": 1, "decay_at": 5, "warmup": {"epochs": 12}})", 10), 17);
  EXPECT_EQ(missed(R"({"kind": "wsd", "lr": 1, "decay_at": 10})", 10), 10);
  EXPECT_EQ(missed(R"({"kind": "wsd", "lr": 1, "decay_at": 9})", 10), std::nullopt);
  EXPECT_EQ(missed(R"({"kind": "table", "points": [[0, 1], [5, 0.1], [30, 0.1]]})", 10), std::nullopt);
  EXPECT_EQ(missed(R"({"kind": "step", "lr": 1, "every": 30})", 10), std::nullopt);
}

TEST(Schedule, MilestonesThatRoundToOneStepDropTwice) {
  const Schedule schedule = make(R"({"kind": "multi_step", "lr": 1, "milestones": [1, 1.1], "factor": 0.5})", 2);
  EXPECT_EQ(schedule.lr(1), 1);
  EXPECT_EQ(schedule.lr(2), 0.25);
  EXPECT_EQ(schedule.change_steps(100), Steps{2});
}

TEST(Schedule, WsdFollowsItsThreeShapes) {
  for (const std::string shape : {"linear", "cosine", "sqrt"}) {
    const Schedule schedule = make(
        R"({"kind": "wsd", "lr": 0.1, "decay_at": 8, "decay_epochs": 2, "end_lr": 0.01, "shape": ")" + shape + "\"}",
        5);
    EXPECT_EQ(schedule.lr(0), 0.1);
    EXPECT_EQ(schedule.lr(40), 0.1);
    EXPECT_EQ(schedule.lr(50), 0.01);
    EXPECT_EQ(schedule.lr(5000), 0.01);
    const double done = 0.3;  // step 43
    const double left = shape == "linear"   ? 1 - done
                        : shape == "cosine" ? (1 + std::cos(std::numbers::pi * done)) / 2
                                            : 1 - std::sqrt(done);
    EXPECT_NEAR(schedule.lr(43), 0.01 + 0.09 * left, 1e-15) << shape;
    EXPECT_EQ(schedule.change_steps(1000), (Steps{40, 50})) << shape;
    EXPECT_EQ(schedule.change_steps(50), Steps{40}) << shape;
  }
}

TEST(Schedule, LengthsDefaultToWhatRemainsOfTheRun) {
  EXPECT_EQ(make(R"({"kind": "linear", "lr": 1})", 10, 20).change_steps(1000), Steps{200});
  EXPECT_EQ(make(R"({"kind": "cosine", "lr": 1, "warmup": {"epochs": 2}})", 10, 20).change_steps(1000),
            (Steps{20, 200}));
  EXPECT_EQ(make(R"({"kind": "wsd", "lr": 1, "decay_at": 15})", 10, 20).change_steps(1000), (Steps{150, 200}));
}

TEST(Schedule, RunShorterThanItsWarmUpIsAllRamp) {
  const Schedule schedule = make(R"({"kind": "cosine", "lr": 1, "end_lr": 0.5, "warmup": {"epochs": 4}})", 1, 2);
  EXPECT_DOUBLE_EQ(schedule.lr(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.lr(2), 0.55);
  EXPECT_EQ(schedule.lr(4), 0.5);  // no steps remain for the cosine
}

TEST(Schedule, CosineKeepsItsDigitsNearTheEnd) {
  const std::int64_t total = 1'000'000;
  const Schedule schedule = make(R"({"kind": "cosine", "lr": 1})", total, 1);
  // One step before the end: sin^2(pi / 2T).
  const double expected = std::pow(std::sin(std::numbers::pi / 2 / static_cast<double>(total)), 2);
  EXPECT_NEAR(schedule.lr(total - 1) / expected, 1, 1e-9);
  EXPECT_EQ(schedule.lr(total), 0);
}

TEST(Schedule, WarmUpShiftsTheTimesBehindIt) {
  const Schedule schedule =
      make(R"({"kind": "multi_step", "lr": 1, "milestones": [0, 3], "factor": 0.5, "warmup": {"epochs": 2}})", 4);
  EXPECT_DOUBLE_EQ(schedule.lr(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.lr(4), 0.55);
  EXPECT_DOUBLE_EQ(schedule.lr(8), 0.5);
  EXPECT_DOUBLE_EQ(schedule.lr(19), 0.5);
  EXPECT_DOUBLE_EQ(schedule.lr(20), 0.25);
  EXPECT_EQ(schedule.change_steps(100), (Steps{8, 20}));
}

TEST(Schedule, StepListsEveryDropBelowTheEnd) {
  EXPECT_EQ(make(R"({"kind": "step", "lr": 1, "every": 0.5})", 5).change_steps(12), (Steps{3, 6, 9}));
}

TEST(Schedule, IsAValueThatOutlivesItsJson) {
  Schedule copy = make(R"({"kind": "constant", "lr": 1})");
  {
    const json text = json::parse(R"({"kind": "late_decay", "lr": 0.1, "decay_at": 5})");
    const Schedule original(text, "schedule", 10, 20);
    copy = original;
  }
  EXPECT_DOUBLE_EQ(copy.lr(50), 0.01);
}

TEST(Schedule, PolynomialTakesAnEndAndAPower) {
  const Schedule schedule = make(R"({"kind": "polynomial", "lr": 0.1, "end_lr": 0.02, "epochs": 4, "power": 2})", 5);
  EXPECT_EQ(schedule.lr(0), 0.1);
  EXPECT_NEAR(schedule.lr(15), 0.02 + 0.08 * 0.0625, 1e-16);
  EXPECT_EQ(schedule.lr(20), 0.02);
  EXPECT_EQ(schedule.lr(2000), 0.02);
  EXPECT_EQ(schedule.change_steps(100), Steps{20});
}

TEST(Schedule, OneCycleRisesToItsRateAndFallsFarBelowItsStart) {
  const char* text = R"({"kind": "one_cycle", "lr": 1, "pct_start": 0.4, "div_factor": 10, "final_div_factor": 100})";
  const Schedule schedule = make(text, 10, 5);
  EXPECT_DOUBLE_EQ(schedule.lr(0), 0.1);
  EXPECT_EQ(schedule.lr(19), 1);
  EXPECT_DOUBLE_EQ(schedule.lr(49), 0.001);
  EXPECT_DOUBLE_EQ(schedule.lr(5000), 0.001);
  EXPECT_EQ(schedule.change_steps(50), (Steps{19, 49}));
}

TEST(Schedule, OneCycleThatOnlyRisesEndsAtTheTop) {
  const Schedule schedule = make(R"({"kind": "one_cycle", "lr": 1, "pct_start": 1, "div_factor": 10})", 5, 4);
  EXPECT_DOUBLE_EQ(schedule.lr(0), 0.1);
  EXPECT_LT(schedule.lr(18), 1);
  EXPECT_DOUBLE_EQ(schedule.lr(19), 1);
}

TEST(Schedule, OneCycleOfOneStepOrNoneIsAtItsEnd) {
  for (const double epochs : {0.0, 1.0}) {
    const Schedule schedule =
        make(R"({"kind": "one_cycle", "lr": 1, "div_factor": 10, "final_div_factor": 100})", 1, epochs);
    EXPECT_DOUBLE_EQ(schedule.lr(0), 0.001);
    EXPECT_TRUE(schedule.change_steps(10).empty());
  }
}

TEST(Schedule, InverseSqrtHalvesInThreeTimescales) {
  const Schedule schedule = make(R"({"kind": "inverse_sqrt", "lr": 0.4, "timescale": 2})", 50);
  EXPECT_EQ(schedule.lr(0), 0.4);
  EXPECT_DOUBLE_EQ(schedule.lr(300), 0.2);
  EXPECT_DOUBLE_EQ(schedule.lr(1500), 0.1);
  EXPECT_TRUE(schedule.change_steps(1'000'000).empty());
}

// As in Vaswani et al. 2017, eq. 3, and fairseq's inverse_sqrt: lr * sqrt(warmup) / sqrt(step) after the warm-up.
TEST(Schedule, InverseSqrtBehindAWarmUpOfItsTimescaleFallsWithTheStepNumber) {
  const Schedule schedule =
      make(R"({"kind": "inverse_sqrt", "lr": 0.4, "timescale": 3, "warmup": {"epochs": 3, "start_factor": 0}})", 10);
  EXPECT_DOUBLE_EQ(schedule.lr(15), 0.2);
  for (const std::int64_t step : {30, 31, 100, 3000}) {
    EXPECT_DOUBLE_EQ(schedule.lr(step), 0.4 * std::sqrt(30.0 / static_cast<double>(step))) << step;
  }
  EXPECT_EQ(schedule.change_steps(1000), Steps{30});
}

TEST(Schedule, CyclicTurnsAtEveryTopAndBottom) {
  const Schedule schedule = make(
      R"({"kind": "cyclic", "lr": 1, "base_lr": 0.2, "up_epochs": 1, "down_epochs": 3, "mode": "triangular2"})", 2);
  EXPECT_EQ(schedule.lr(0), 0.2);
  EXPECT_EQ(schedule.lr(2), 1);
  EXPECT_DOUBLE_EQ(schedule.lr(5), 0.6);
  EXPECT_EQ(schedule.lr(8), 0.2);
  EXPECT_DOUBLE_EQ(schedule.lr(10), 0.6);
  EXPECT_DOUBLE_EQ(schedule.lr(18), 0.4);
  EXPECT_EQ(schedule.change_steps(18), (Steps{2, 8, 10, 16}));
}

TEST(Schedule, CyclicGoesDownAsLongAsUpByDefault) {
  EXPECT_EQ(make(R"({"kind": "cyclic", "lr": 1, "base_lr": 0, "up_epochs": 2})", 3).change_steps(20),
            (Steps{6, 12, 18}));
}

TEST(Schedule, TableFollowsItsPoints) {
  const char* points = R"({"kind": "table", "points": [[0, 0.2], [2, 0.1], [2.5, 0.3]], "interpolation": ")";
  const Schedule linear = make(points + std::string("linear\"}"), 10);
  const Schedule stepwise = make(points + std::string("step\"}"), 10);
  EXPECT_EQ(linear.lr(0), 0.2);
  EXPECT_DOUBLE_EQ(linear.lr(5), 0.175);
  EXPECT_EQ(linear.lr(20), 0.1);
  EXPECT_DOUBLE_EQ(linear.lr(24), 0.26);
  EXPECT_EQ(linear.lr(25), 0.3);
  EXPECT_EQ(linear.lr(2500), 0.3);
  EXPECT_EQ(stepwise.lr(19), 0.2);
  EXPECT_EQ(stepwise.lr(20), 0.1);
  EXPECT_EQ(stepwise.lr(24), 0.1);
  EXPECT_EQ(stepwise.lr(25), 0.3);
  for (const Schedule& schedule : {linear, stepwise}) EXPECT_EQ(schedule.change_steps(100), (Steps{20, 25}));
}

TEST(Schedule, TableOfOnePointIsConstant) {
  const Schedule schedule = make(R"({"kind": "table", "points": [[0, 0.2]]})");
  EXPECT_EQ(schedule.lr(0), 0.2);
  EXPECT_EQ(schedule.lr(50), 0.2);
  EXPECT_TRUE(schedule.change_steps(100).empty());
}

TEST(Schedule, WarmUpLeadsUpToTheRateThatTheShapeBeginsWith) {
  const auto rate_in_the_middle = [](const std::string& shape) {
    const Schedule schedule = make("{" + shape + R"(, "warmup": {"epochs": 2, "start_factor": 0}})", 10);
    EXPECT_EQ(schedule.lr(0), 0);
    return schedule.lr(10);
  };
  EXPECT_DOUBLE_EQ(rate_in_the_middle(R"("kind": "one_cycle", "lr": 1)"), 0.02);
  EXPECT_DOUBLE_EQ(rate_in_the_middle(R"("kind": "cyclic", "lr": 1, "base_lr": 0.4, "up_epochs": 1)"), 0.2);
  EXPECT_DOUBLE_EQ(rate_in_the_middle(R"("kind": "table", "points": [[0, 0.6], [1, 1]])"), 0.3);
  EXPECT_DOUBLE_EQ(rate_in_the_middle(R"("kind": "polynomial", "lr": 1)"), 0.5);
}

TEST(Schedule, RejectsWhatTheNewerKindsDoNotAllow) {
  const auto expect_in_error = [](const std::string& keys, const std::string& part) {
    expect_refused("{" + keys + "}", part);
  };
  expect_in_error(R"("kind": "one_cycle", "lr": 1, "pct_start": 1.5)", "train.schedule.pct_start");
  expect_in_error(R"("kind": "one_cycle", "lr": 1, "momentum": 0.9)", "train.schedule.momentum");
  expect_in_error(R"("kind": "polynomial", "lr": 1, "epochs": 0)", "less than one step");
  expect_in_error(R"("kind": "inverse_sqrt", "lr": 1)", "train.schedule.timescale");
  expect_in_error(R"("kind": "inverse_sqrt", "lr": 1, "timescale": 0.2)", "less than one step");
  expect_in_error(R"("kind": "cyclic", "lr": 1, "up_epochs": 1)", "train.schedule.base_lr");
  expect_in_error(R"("kind": "cyclic", "lr": 1, "base_lr": 2, "up_epochs": 1)", "train.schedule.base_lr");
  expect_in_error(R"("kind": "cyclic", "lr": 1, "base_lr": 0, "up_epochs": 1, "down_epochs": 0)", "less than one step");
  expect_in_error(R"("kind": "cyclic", "lr": 1, "base_lr": 0, "up_epochs": 1, "gamma": 0.5)", "train.schedule.gamma");
  expect_in_error(R"("kind": "table")", "train.schedule.points");
  expect_in_error(R"("kind": "table", "points": [])", "train.schedule.points");
  expect_in_error(R"("kind": "table", "points": [[0, 1], 5])", "got 5");
  expect_in_error(R"("kind": "table", "points": [[1, 1]])", "the first point must be at epoch 0, not 1");
  expect_in_error(R"("kind": "table", "points": [[0, 1], [3, 1], [3, 2]])", "one is 3");
  expect_in_error(R"("kind": "table", "points": [[0, -1]])", "one is -1");
  expect_in_error(R"("kind": "table", "points": [[0, 1]], "lr": 1)", "train.schedule.lr");
}

TEST(Schedule, RejectsWhatItDoesNotUnderstandByName) {
  expect_refused(R"({"kind": "late_decay", "lr": 0.1, "decay_att": 5})", "decay_at");
  expect_refused(R"({"kind": "constant", "lr": 0.1, "factor": 5})", "train.schedule.factor");
  expect_refused(R"({"kind": "cosin", "lr": 0.1})", "train.schedule.kind");
  expect_refused(R"({"lr": 0.1})", "train.schedule.kind");
  expect_refused(R"({"kind": "constant"})", "train.schedule.lr");
  expect_refused(R"({"kind": "constant", "lr": -0.1})", "train.schedule.lr");
  expect_refused(R"({"kind": "constant", "lr": "fast"})", "train.schedule.lr");
  expect_refused(R"({"kind": "constant", "lr": 1, "warmup": {"start_factor": 0.5}})", "warmup.epochs");
  expect_refused(R"({"kind": "constant", "lr": 1, "warmup": {"epochs": 1, "start_factor": 2}})", "warmup.start_factor");
  expect_refused(R"({"kind": "step", "lr": 1})", "every");
  expect_refused(R"({"kind": "step", "lr": 1, "every": 0})", "less than one step");
  expect_refused(R"({"kind": "linear", "lr": 1, "epochs": 0.4})", "less than one step");
  expect_refused(R"({"kind": "multi_step", "lr": 1})", "milestones");
  expect_refused(R"({"kind": "multi_step", "lr": 1, "milestones": [5, 5]})", "ascending");
  expect_refused(R"({"kind": "multi_step", "lr": 1, "milestones": [-1]})", "milestones");
  expect_refused(R"({"kind": "wsd", "lr": 1, "decay_at": 1, "shape": "cubic"})", "shape");
}

TEST(Schedule, RejectsNegativeSteps) {
  EXPECT_THROW(make(R"({"kind": "constant", "lr": 1})").lr(-1), Error);
}

TEST(Schedule, RejectsImpossibleRuns) {
  EXPECT_THROW(make(R"({"kind": "constant", "lr": 1})", 0), Error);
  EXPECT_THROW(make(R"({"kind": "constant", "lr": 1})", 1, -1), Error);
  EXPECT_THROW(make(R"({"kind": "constant", "lr": 1})", 1, std::nan("")), Error);
}

}  // namespace
}  // namespace thalweg
