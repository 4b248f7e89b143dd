#include "trajectory/run_name.h"

#include <gtest/gtest.h>

namespace thalweg {
namespace {

TEST(RunName, SplitsIntoTheRunItsSeedAndWhetherItIsAnAverage) {
  const auto expect = [](const std::string& name, const std::string& run, const std::string& seed, bool is_average) {
    const RunName split = split_run_name(name);
    EXPECT_EQ(split.run, run) << name;
    EXPECT_EQ(split.seed, seed) << name;
    EXPECT_EQ(split.is_average, is_average) << name;
  };
  expect("main", "main", "", false);
  expect(name_with_seed("decay-at-2", 12), "decay-at-2", "12", false);
  expect(average_name("decay-at-2"), "decay-at-2", "", true);
  expect(name_with_seed(average_name("main"), 0), "main", "0", true);
  expect("average", "average", "", false);
}

}  // namespace
}  // namespace thalweg
