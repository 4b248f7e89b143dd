// Tests the curve of a run's learning rate against its schedule.
#include "report/rate_curve.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

using nlohmann::json;

// A run of ten steps an epoch that has reached `step`.
std::vector<RatePoint> curve_of(const json& schedule, double epochs, std::int64_t step, std::int64_t first_step = 0) {
  const json identity = {{"first_step", first_step}, {"train", {{"epochs", epochs}, {"schedule", schedule}}}};
  const json status = {{"step", step}, {"end_step", first_step + std::llround(10 * epochs)}, {"steps_per_epoch", 10}};
  return rate_curve(identity, status, 0);
}

void expect_points(const std::vector<RatePoint>& curve, const std::vector<RatePoint>& expected) {
  ASSERT_EQ(curve.size(), expected.size());
  for (std::size_t i = 0; i < curve.size(); ++i) {
    EXPECT_DOUBLE_EQ(curve[i].epoch, expected[i].epoch) << i;
    EXPECT_DOUBLE_EQ(curve[i].lr, expected[i].lr) << i;
  }
}

TEST(RateCurve, OfAConstantRateIsALevelLineFromTheForkToWhereTheRunIs) {
  const json schedule = {{"kind", "constant"}, {"lr", 0.1}};
  expect_points(curve_of(schedule, 3, 30), {{0, 0.1}, {3, 0.1}});
  expect_points(curve_of(schedule, 3, 12), {{0, 0.1}, {1.2, 0.1}});
  expect_points(curve_of(schedule, 2, 32, 12), {{1.2, 0.1}, {3.2, 0.1}});
  EXPECT_TRUE(curve_of(schedule, 3, 0).empty());
}

TEST(RateCurve, DropsAtTheStepOfTheDecayWithinAnEpoch) {
  const json schedule = {{"kind", "late_decay"}, {"lr", 0.5}, {"decay_at", 1.2}, {"factor", 0.5}};
  expect_points(curve_of(schedule, 3, 30), {{0, 0.5}, {1.2, 0.5}, {1.2, 0.25}, {3, 0.25}});
}

TEST(RateCurve, FollowsACosineAtEachStep) {
  const json schedule = {{"kind", "cosine"}, {"lr", 0.4}, {"end_lr", 0}, {"epochs", 2}};
  const std::vector<RatePoint> curve = curve_of(schedule, 2, 20);
  ASSERT_GE(curve.size(), 20u);
  for (const RatePoint& point : curve) {
    if (point.epoch == 2) continue;  // the end repeats the last update's rate
    EXPECT_NEAR(point.lr, 0.2 * (1 + std::cos(std::acos(-1.0) * point.epoch / 2)), 1e-12);
  }
}

TEST(RateCurve, TakesNoMoreThanSomeHundredPointsOfALongRun) {
  const json schedule = {{"kind", "cosine"}, {"lr", 0.4}, {"end_lr", 0}, {"epochs", 1000}};
  const std::vector<RatePoint> curve = curve_of(schedule, 1000, 10000);
  EXPECT_LT(curve.size(), 410u);
  EXPECT_TRUE(std::ranges::is_sorted(curve, {}, &RatePoint::epoch));
  EXPECT_EQ(curve.back().epoch, 1000);
}

TEST(RateCurve, EndsAtTheLaterOfStatusAndKnownStep) {
  const json identity = {{"first_step", 0},
                         {"train", {{"epochs", 3}, {"schedule", {{"kind", "constant"}, {"lr", 0.1}}}}}};
  const json status = {{"step", 10}, {"end_step", 30}, {"steps_per_epoch", 10}};
  EXPECT_EQ(rate_curve(identity, status, 20).back().epoch, 2);
  EXPECT_EQ(rate_curve(identity, status, 0).back().epoch, 1);
}

TEST(RateCurve, IsEmptyWithoutAScheduleThatIsUnderstood) {
  const json status = {{"step", 10}, {"end_step", 30}, {"steps_per_epoch", 10}};
  EXPECT_TRUE(rate_curve(nullptr, status, 10).empty());
  EXPECT_TRUE(
      rate_curve({{"first_step", 0}, {"train", {{"epochs", 3}, {"schedule", {{"kind", "of old"}}}}}}, status, 10)
          .empty());
  EXPECT_TRUE(rate_curve({{"first_step", 0}, {"train", {{"epochs", 3}}}}, nullptr, 10).empty());
}

}  // namespace
}  // namespace thalweg
