#include "landscape/cost.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "landscape/plane_problem.h"

namespace thalweg {
namespace {

TEST(Duration, HasSecondsMinutesAndHours) {
  EXPECT_EQ(parse_duration("90"), 90);
  EXPECT_EQ(parse_duration("60s"), 60);
  EXPECT_EQ(parse_duration("2m"), 120);
  EXPECT_EQ(parse_duration("1.5h"), 5400);
  for (const char* bad : {"", "s", "-1s", "0", "1 s", "1d", "5min", "nan", "inf"}) {
    expect_usage_error([&] { parse_duration(bad); }, "60s, 5m or 1.5h");
  }
}

// 51 x 51 points of 60,000 images; each point takes 10 ms plus 60,000 x 0.1 ms.
MapCost exact_cost() {
  MapCost cost;
  cost.points = 51 * 51;
  cost.images = 51.0 * 51 * 60000;
  cost.time = cost.float32 = {0.01, 1e-4};
  cost.seconds = 51 * 51 * (0.01 + 6);
  return cost;
}

double seconds_of(const LandscapeConfig& config) {
  const auto [nx, ny] = parse_grid_size(config.grid);
  return 6 + nx * ny * (0.01 + 2 * static_cast<double>(config.images) * 1e-4);
}

TEST(Budget, TakesAllImagesThenFewerThenACoarserGrid) {
  LandscapeConfig config;
  config.grid = "51x51";
  const LandscapeConfig whole = fit_budget(config, exact_cost(), 20000);
  EXPECT_EQ(whole.images, 0);
  EXPECT_EQ(whole.grid, "51x51");
  const LandscapeConfig fewer = fit_budget(config, exact_cost(), 1000);
  EXPECT_EQ(fewer.grid, "51x51");
  EXPECT_GT(fewer.images, 500);
  const LandscapeConfig coarse = fit_budget(config, exact_cost(), 60);
  EXPECT_LT(parse_grid_size(coarse.grid).first, 51);
  EXPECT_GE(coarse.images, 500);
  for (const auto& [fitted, seconds] : {std::pair{fewer, 1000.0}, {coarse, 60.0}}) {
    EXPECT_LE(seconds_of(fitted), seconds);
    EXPECT_GT(seconds_of(fitted), 0.9 * seconds);
  }
}

TEST(Budget, KeepsTheShapeOfTheGrid) {
  LandscapeConfig config;
  config.grid = "102x51";
  const auto [nx, ny] = parse_grid_size(fit_budget(config, exact_cost(), 60).grid);
  EXPECT_NEAR(static_cast<double>(nx) / ny, 2, 0.1);
}

TEST(Budget, HoldsTheEvaluationOfTheCheckpointToo) {
  LandscapeConfig config;
  config.grid = "51x51";
  MapCost cost = exact_cost();
  cost.checkpoint_images = 60000;
  EXPECT_LE(seconds_of(fit_budget(config, cost, 60)) + 6, 60);
}

TEST(Budget, HoldsTheChecksOfAReducedMapInFloat32AndTheMeasuring) {
  LandscapeConfig config;
  config.grid = "51x51";
  MapCost cost = exact_cost();
  cost.float32 = {0.02, 4e-4};
  cost.checkpoint_images = 10000;  // 4 s
  cost.audit_points = 8;
  cost.audit_images = 8 * 4000;  // including the points' weights 16.24 s
  cost.measuring_seconds = 5;
  const double fitted = seconds_of(fit_budget(config, cost, 90)) + 4 + 8 * 0.03 + 32000 * 5e-4 + 5;
  EXPECT_LE(fitted, 90);
  EXPECT_GT(fitted, 0.9 * 90);
  cost.seconds = 86;
  EXPECT_GT(fit_budget(config, cost, 90).images, 0);
  EXPECT_EQ(fit_budget(config, cost, 92).images, 0);
}

TEST(Budget, HoldsTheWorkThatAllPointsShareAndAReferenceWithoutIt) {
  LandscapeConfig config;
  config.grid = "51x51";
  MapCost cost = exact_cost();
  cost.time.shared = 6e-4;
  for (const double budget : {60.0, 1000.0}) {
    const LandscapeConfig fitted = fit_budget(config, cost, budget);
    const double seconds = seconds_of(fitted) + 60000 * 6e-4 / 3 + 2 * static_cast<double>(fitted.images) * 6e-4;
    EXPECT_LE(seconds, budget);
    EXPECT_GT(seconds, 0.9 * budget);
  }
}

TEST(Budget, ThatCannotBeKeptIsAnErrorThatSaysWhatItTakes) {
  LandscapeConfig config;
  config.grid = "51x51";
  expect_usage_error([&] { fit_budget(config, exact_cost(), 7); }, "11 x 11 points");
  config.images = 100;
  expect_usage_error([&] { fit_budget(config, exact_cost(), 7); }, "leave out images");
}

MapCost cost_of(const PlaneProblem& problem) {
  return measure_cost(problem.plane, problem.config, {problem.graph, problem.data, at::kCPU, ProgressMode::kQuiet});
}

TEST(MeasuredCost, CountsImagesAndTheForwardPassesOfStatistics) {
  PlaneProblem problem;
  problem.config.bn_images = 140;
  const double macs = static_cast<double>(forward_macs(problem.graph));
  MapCost exact = cost_of(problem);
  // The fixed time is a difference of timings, which may come out as 0 if other programs load the machine.
  for (int more = 0; more < 5 && exact.time.fixed == 0; ++more) exact = cost_of(problem);
  EXPECT_EQ(exact.points, 6);
  EXPECT_EQ(exact.images, 6 * 160);
  EXPECT_EQ(exact.flops, 2 * macs * (6 * 160 + 6 * 140));
  EXPECT_FALSE(exact.at_most);
  EXPECT_GT(exact.time.per_image, 0);
  EXPECT_GT(exact.time.fixed, 0);
  EXPECT_DOUBLE_EQ(exact.seconds, 6 * exact.time.fixed + 6 * 160 * exact.time.per_image);
  EXPECT_GT(exact.measuring_seconds, exact.time.fixed);
  problem.config.images = 50;  // per split; one point is the reference, and the test split has 20
  EXPECT_EQ(cost_of(problem).images, 160 + 5 * (50 + 20));
  problem.config.bn = BnMode::kOrigin;
  EXPECT_EQ(cost_of(problem).flops, 2 * macs * (160 + 5 * (50 + 20)));
}

TEST(MeasuredCost, CountsSharedWorkOnceForEachImage) {
  PlaneProblem problem("mlp");
  problem.data = load_data({.train_images = 1500, .test_images = 20});
  const double macs = static_cast<double>(forward_macs(problem.graph)), shared = 3072 * 3;  // 3 units
  MapCost exact = cost_of(problem);
  for (int more = 0; more < 5 && exact.time.shared == 0; ++more) exact = cost_of(problem);  // a difference of timings
  EXPECT_EQ(exact.flops, 2 * (6 * 1520 * (macs - shared) + 1520 * 3 * shared));
  EXPECT_GT(exact.time.shared, 0);
  EXPECT_NEAR(exact.seconds, 6 * exact.time.fixed + 6 * 1520 * exact.time.per_image + 1520 * exact.time.shared,
              1e-9 * exact.seconds);
  problem.config.images = 50;  // of each split; the test split has 20
  EXPECT_EQ(cost_of(problem).flops, 2 * (1520 * macs + 5 * 70 * (macs - shared) + 70 * 3 * shared));
}

TEST(MeasuredCost, IsThatOfAnExactMapWhereTheMapDecidesAsItGoes) {
  PlaneProblem problem;
  EXPECT_FALSE(cost_of(problem).of_exact_map);
  problem.config.standard_error = 0.1;
  for (const bool at_most : {true, false}) {
    const MapCost cost = cost_of(problem);
    EXPECT_TRUE(cost.of_exact_map);
    EXPECT_EQ(cost.at_most, at_most);
    EXPECT_EQ(cost.images, 6 * 160);
    problem.config.standard_error = 0;
    problem.config.tolerance = "1%";
  }
}

TEST(MeasuredCost, CountsTheAuditTwiceAndTheCheckpointInFloat32) {
  PlaneProblem problem;
  problem.config.precision = at::kBFloat16;
  problem.config.audit_points = 4;
  problem.plane.provenance["data_digest"] = problem.data.digest;
  problem.plane.provenance["origin_final"] = {{"train_loss", 1}};
  const MapCost cost = cost_of(problem);
  EXPECT_EQ(cost.checkpoint_images, 160);
  EXPECT_EQ(cost.audit_points, 4);
  EXPECT_EQ(cost.audit_images, 4 * 160);
  EXPECT_EQ(cost.flops,
            2 * static_cast<double>(forward_macs(problem.graph)) * ((6 + 1 + 2 * 4) * 160 + (6 + 2 * 4) * 30));
  EXPECT_GT(cost.float32.per_image, 0);
  EXPECT_NE(cost.float32.per_image, cost.time.per_image);
  const double seconds =
      10 * (cost.time.fixed + 160 * cost.time.per_image) + 4 * cost.float32.fixed + 5 * 160 * cost.float32.per_image;
  EXPECT_NEAR(cost.seconds, seconds, 1e-12 * seconds);
  problem.config.audit_points = 8;
  EXPECT_EQ(cost_of(problem).audit_points, 6);
}

}  // namespace
}  // namespace thalweg
