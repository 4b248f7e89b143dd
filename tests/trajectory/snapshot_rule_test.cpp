#include "trajectory/snapshot_rule.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "base/error.h"
#include "expect_error.h"

namespace thalweg {
namespace {

using nlohmann::json;
using Steps = std::vector<std::int64_t>;

SnapshotRule make(const std::string& text, SnapshotRange range) {
  return SnapshotRule(json::parse(text), "train.snapshots", std::move(range));
}

Steps all_steps(const std::string& text, const SnapshotRange& range) {
  return make(text, range).steps(0, range.last_step + 100);
}

TEST(SnapshotRule, TakesEveryEpochByDefault) {
  EXPECT_EQ(all_steps("{}", {0, 35, 10, {}}), (Steps{0, 10, 20, 30, 35}));
  EXPECT_EQ(SnapshotRule(json(), "snapshots", {0, 20, 10, {}}).steps(0, 100), (Steps{0, 10, 20}));
}

TEST(SnapshotRule, AlwaysTakesFirstAndLast) {
  const std::string off = R"({"every_epochs": 0})";
  EXPECT_EQ(all_steps(off, {0, 1000, 10, {}}), (Steps{0, 1000}));
  EXPECT_EQ(all_steps(off, {37, 41, 10, {}}), (Steps{37, 41}));
  EXPECT_EQ(all_steps(off, {5, 5, 10, {}}), Steps{5});
}

TEST(SnapshotRule, RoundsFractionsOfAnEpoch) {
  // 391 / 4 = 97.75: 97.75, 195.5, 293.25, 391, 488.75
  EXPECT_EQ(all_steps(R"({"every_epochs": 0.25})", {0, 500, 391, {}}), (Steps{0, 98, 196, 293, 391, 489, 500}));
}

TEST(SnapshotRule, FractionsOfAStepTakeEveryStep) {
  EXPECT_EQ(all_steps(R"({"every_epochs": 0.01})", {2, 6, 10, {}}), (Steps{2, 3, 4, 5, 6}));
}

TEST(SnapshotRule, AgreesWithTheListOfRoundedMultiples) {
  for (const double fraction : {0.1, 1.0 / 3, 0.37, 0.5, 2.5}) {
    const std::int64_t last = 5000;
    std::set<std::int64_t> expected = {0, last};
    for (int k = 1;; ++k) {
      const std::int64_t step = std::llround(k * (fraction * 97));
      if (step > last) break;
      expected.insert(step);
    }
    const std::string text = json{{"every_epochs", fraction}}.dump();
    EXPECT_EQ(all_steps(text, {0, last, 97, {}}), Steps(expected.begin(), expected.end())) << fraction;
  }
}

TEST(SnapshotRule, CountsMultiplesFromTheMainPathsStart) {
  EXPECT_EQ(all_steps(R"({"every_epochs": 0, "every_steps": 4})", {6, 17, 10, {}}), (Steps{6, 8, 12, 16, 17}));
}

TEST(SnapshotRule, SpacesByDecadesFromTheFirstStep) {
  // round(10^(k/3)): 1, 2, 5, 10, 22, 46, 100
  const std::string text = R"({"every_epochs": 0, "log_spaced": 3})";
  EXPECT_EQ(all_steps(text, {0, 120, 10, {}}), (Steps{0, 1, 2, 5, 10, 22, 46, 100, 120}));
  EXPECT_EQ(all_steps(text, {1000, 1120, 10, {}}), (Steps{1000, 1001, 1002, 1005, 1010, 1022, 1046, 1100, 1120}));
}

TEST(SnapshotRule, LogSpacingAgreesWithTheListOfRoundedPowers) {
  for (const int n : {1, 7, 20, 100}) {
    const std::int64_t last = 20000;
    std::set<std::int64_t> expected = {0, last};
    for (int k = 0;; ++k) {
      const std::int64_t step = std::llround(std::pow(10.0, static_cast<double>(k) / n));
      if (step > last) break;
      expected.insert(step);
    }
    const std::string text = json{{"every_epochs", 0}, {"log_spaced", n}}.dump();
    EXPECT_EQ(all_steps(text, {0, last, 10, {}}), Steps(expected.begin(), expected.end())) << n;
  }
}

TEST(SnapshotRule, SurroundsChangesOfTheRate) {
  EXPECT_EQ(all_steps(R"({"every_epochs": 0, "around_rate_change": 2})", {0, 50, 10, {40, 20, 1}}),
            (Steps{0, 1, 2, 3, 18, 19, 20, 21, 22, 38, 39, 40, 41, 42, 50}));
}

TEST(SnapshotRule, SaysWhy) {
  const SnapshotRule rule =
      make(R"({"every_epochs": 1, "every_steps": 7, "log_spaced": 1, "around_rate_change": 1})", {0, 100, 30, {50}});
  EXPECT_EQ(rule.reason(0), "first");
  EXPECT_EQ(rule.reason(1), "log");
  EXPECT_EQ(rule.reason(7), "steps");
  EXPECT_EQ(rule.reason(30), "epochs");
  EXPECT_EQ(rule.reason(49), "rate-change");
  EXPECT_EQ(rule.reason(100), "last");
  EXPECT_EQ(rule.reason(2), "");
  EXPECT_FALSE(rule.wants(101));
  EXPECT_FALSE(rule.wants(-1));
}

TEST(SnapshotRule, ListsAHalfOpenRange) {
  const SnapshotRule rule = make("{}", {0, 100, 10, {}});
  EXPECT_EQ(rule.steps(10, 30), (Steps{10, 20}));
  EXPECT_EQ(rule.steps(11, 20), Steps{});
  EXPECT_EQ(rule.steps(30, 10), Steps{});
  EXPECT_EQ(rule.steps(-50, 1), Steps{0});
}

TEST(SnapshotRule, RejectsWrongKeysAndRanges) {
  expect_usage_error([] { make(R"({"every_step": 1})", {}); }, "every_steps");
  expect_usage_error([] { make(R"({"every_epochs": -1})", {}); }, "train.snapshots.every_epochs");
  expect_usage_error([] { make(R"({"log_spaced": 1.5})", {}); }, "train.snapshots.log_spaced");
  expect_usage_error([] { make("[]", {}); }, "train.snapshots");
  expect_error([] { make("{}", {10, 5, 1, {}}); }, "first <= last");
  expect_error([] { make("{}", {0, 5, 0, {}}); }, "one step an epoch");
}

}  // namespace
}  // namespace thalweg
