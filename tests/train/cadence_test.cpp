#include "train/cadence.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace thalweg {
namespace {

constexpr CadenceLimits kAll{.may_be_never = true, .may_be_minutes = true};

Cadence read(const nlohmann::json& value, CadenceLimits limits = kAll) {
  const nlohmann::json config = {{"checkpoint_every", value}};
  ConfigReader reader(config, "train");
  const Cadence cadence = read_cadence(reader, "checkpoint_every", {}, limits);
  reader.finish();
  return cadence;
}

std::vector<std::int64_t> due_steps(const Cadence& cadence, std::int64_t end, std::int64_t steps_per_epoch) {
  std::vector<std::int64_t> steps;
  for (std::int64_t step = 0; step <= end; ++step) {
    if (cadence.due(step, steps_per_epoch, 0)) steps.push_back(step);
  }
  return steps;
}

TEST(Cadence, CountsFractionsOfEpochsWithoutDrift) {
  EXPECT_EQ(due_steps({1.5}, 15, 3), (std::vector<std::int64_t>{5, 9, 14}));  // round(4.5), 9, round(13.5)
  EXPECT_EQ(due_steps({1}, 10, 4), (std::vector<std::int64_t>{4, 8}));
  // An interval shorter than a step makes every step due.
  EXPECT_EQ(due_steps({0.1}, 4, 3), (std::vector<std::int64_t>{1, 2, 3, 4}));
}

TEST(Cadence, CountsSteps) {
  EXPECT_EQ(due_steps({4, Cadence::Unit::kSteps}, 12, 5), (std::vector<std::int64_t>{4, 8, 12}));
}

TEST(Cadence, LooksAtTheClockForMinutesAlone) {
  const Cadence minutes{10, Cadence::Unit::kMinutes};
  EXPECT_FALSE(minutes.due(7, 5, 9.9));
  EXPECT_TRUE(minutes.due(7, 5, 10));
  EXPECT_FALSE(Cadence{1}.due(7, 5, 1e9));
}

TEST(Cadence, ZeroIsNever) {
  EXPECT_TRUE(due_steps({0}, 100, 5).empty());
}

TEST(Cadence, ReadsEveryFormAndWritesItAgain) {
  EXPECT_EQ(read(2), (Cadence{2}));
  EXPECT_EQ(read(0.5), (Cadence{0.5}));
  EXPECT_EQ(read(0), (Cadence{0}));
  EXPECT_EQ(read({{"epochs", 0.5}}), (Cadence{0.5}));
  EXPECT_EQ(read({{"steps", 100}}), (Cadence{100, Cadence::Unit::kSteps}));
  EXPECT_EQ(read({{"minutes", 7.5}}), (Cadence{7.5, Cadence::Unit::kMinutes}));
  for (const Cadence& cadence :
       {Cadence{2}, Cadence{100, Cadence::Unit::kSteps}, Cadence{7.5, Cadence::Unit::kMinutes}})
    EXPECT_EQ(read(to_json(cadence)), cadence);
}

TEST(Cadence, RefusesWhatMakesNoSense) {
  const std::string key = "train.checkpoint_every";
  expect_usage_error([] { read(-1); }, key);
  expect_usage_error([] { read("often"); }, key);
  expect_usage_error([] { read({{"steps", 0}}); }, key + ".steps");
  expect_usage_error([] { read({{"steps", 2.5}}); }, key + ".steps");
  expect_usage_error([] { read({{"steps", 10}, {"minutes", 1}}); }, key);
  expect_usage_error([] { read(nlohmann::json::object()); }, key);
  expect_usage_error([] { read({{"step", 10}}); }, key);
  expect_usage_error([] { read({{"steps", 10}, {"hours", 1}}); }, key + ".hours");
  expect_usage_error([] { read(0, {.may_be_minutes = true}); }, key);
  expect_usage_error([] { read({{"minutes", 5}}, {.may_be_never = true}); }, "clock");
}

}  // namespace
}  // namespace thalweg
