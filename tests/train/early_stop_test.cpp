#include "train/early_stop.h"

#include <cmath>

#include <gtest/gtest.h>

#include "expect_error.h"

namespace thalweg {
namespace {

// Lines of metrics with five steps per epoch; NaN stands for an epoch without the metric.
std::vector<nlohmann::json> lines(const std::string& metric, const std::vector<double>& values) {
  std::vector<nlohmann::json> out;
  for (const double value : values) {
    const std::size_t epoch = out.size() + 1;
    out.push_back({{"kind", "epoch"}, {"step", 5 * epoch}, {"epoch", epoch}});
    if (!std::isnan(value)) out.back()[metric] = value;
  }
  return out;
}

TEST(BestEpoch, IsTheLowestLossOrTheHighestAccuracyAndTheFirstOfEquals) {
  const std::vector<double> values = {3, 1, 2, 1, 4};
  const auto loss = best_epoch(lines("test_loss", values), "test_loss");
  EXPECT_EQ(loss->step, 10);
  EXPECT_EQ(loss->epoch, 2);
  EXPECT_EQ(loss->value, 1);
  EXPECT_EQ(best_epoch(lines("test_accuracy", values), "test_accuracy")->step, 25);
}

TEST(BestEpoch, PassesOverLinesWithoutTheMetric) {
  EXPECT_EQ(best_epoch(lines("test_loss", {NAN, 2, NAN}), "test_loss")->step, 10);
  EXPECT_FALSE(best_epoch(lines("test_loss", {NAN, NAN}), "test_loss"));
  EXPECT_FALSE(best_epoch({}, "test_loss"));
  auto infinite = lines("test_loss", {2, 3});
  infinite[1]["test_loss"] = -INFINITY;
  EXPECT_EQ(best_epoch(infinite, "test_loss")->step, 5);
  infinite[1]["test_loss"] = nullptr;  // as in metrics.jsonl
  EXPECT_EQ(best_epoch(infinite, "test_loss")->step, 5);
}

TEST(EarlyStop, WaitsForItsPatience) {
  const EarlyStop rule{"test_loss", 2};
  EXPECT_FALSE(is_over(rule, {}));
  EXPECT_FALSE(is_over(rule, lines("test_loss", {3})));
  EXPECT_FALSE(is_over(rule, lines("test_loss", {3, 4})));
  EXPECT_TRUE(is_over(rule, lines("test_loss", {3, 4, 3})));
  EXPECT_FALSE(is_over(rule, lines("test_loss", {3, 4, 2})));
  EXPECT_FALSE(is_over(rule, lines("test_loss", {3, 4, 2, 5})));
  EXPECT_TRUE(is_over(rule, lines("test_loss", {3, 4, 2, 5, 5})));
  EXPECT_FALSE(is_over({}, lines("test_loss", {3, 4, 5, 6})));
}

TEST(EarlyStop, CountsNoEpochsAfterTheLastEvaluation) {
  const EarlyStop rule{"test_loss", 2};
  EXPECT_FALSE(is_over(rule, lines("test_loss", {NAN, NAN, 3, NAN, NAN, NAN})));
  EXPECT_FALSE(is_over(rule, lines("test_loss", {NAN, NAN, 3, NAN, NAN, 2})));
  EXPECT_TRUE(is_over(rule, lines("test_loss", {NAN, NAN, 3, NAN, NAN, 3})));
  auto diverging = lines("test_loss", {3, 4, NAN});
  EXPECT_FALSE(is_over(rule, diverging));
  diverging[2]["test_loss"] = nullptr;  // evaluated, and not finite
  EXPECT_TRUE(is_over(rule, diverging));
}

TEST(EarlyStop, TakesATooSmallImprovementForNone) {
  const std::vector<nlohmann::json> slow = lines("test_accuracy", {0.5, 0.51, 0.52});
  EXPECT_FALSE(is_over({"test_accuracy", 2, 0.005}, slow));
  EXPECT_TRUE(is_over({"test_accuracy", 2, 0.05}, slow));
  // Small improvements that add up to more than min_delta count as an improvement.
  EXPECT_FALSE(is_over({"test_accuracy", 3, 0.015}, lines("test_accuracy", {0.5, 0.51, 0.52, 0.53})));
}

TEST(EarlyStop, IsReadStrictlyAndWrittenAgain) {
  const auto read = [](const nlohmann::json& json) { return read_early_stop(ConfigReader(json, "train.early_stop")); };
  const nlohmann::json json = {{"metric", "validation_loss"}, {"patience", 3.0}, {"min_delta", 0.1}};
  EXPECT_EQ(to_json(read(json)), json);
  EXPECT_EQ(read({{"metric", "test_loss"}}).patience, 5);
  EXPECT_TRUE(read(nlohmann::json::object()).metric.empty());
  EXPECT_EQ(to_json(EarlyStop{}), nlohmann::json::object());
  expect_usage_error([&] { read({{"patience", 3}}); }, "train.early_stop.metric");
  expect_usage_error([&] { read({{"metric", "loss"}}); }, "train.early_stop.metric");
  expect_usage_error([&] { read({{"metric", "test_loss"}, {"patience", 0}}); }, "train.early_stop.patience");
  expect_usage_error([&] { read({{"metric", "test_loss"}, {"min_delta", -1}}); }, "train.early_stop.min_delta");
}

}  // namespace
}  // namespace thalweg
