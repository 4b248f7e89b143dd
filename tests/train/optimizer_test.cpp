// Tests when weights enter the average. tests/python/test_training.py tests the averages themselves.
#include "train/optimizer.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace thalweg {
namespace {

// The steps up to `end` with weights that enter the average.
std::vector<std::int64_t> averaged_steps(const AverageConfig& config, std::int64_t steps_per_epoch, std::int64_t end) {
  TrainState state = fresh_state(at::ones({2}), at::zeros({0}));
  state.average = at::zeros({2});
  std::vector<std::int64_t> steps;
  while (++state.step <= end) {
    const std::int64_t before = state.averaged;
    update_average(state, config, steps_per_epoch);
    if (state.averaged > before) steps.push_back(state.step);
  }
  return steps;
}

// Rounding must not matter: 1.1 * 50 is slightly more than 55, and 13.0 / 391 * 391 slightly more than 13.
TEST(UpdateAverage, BeginsWithTheStepThatItsStartNames) {
  for (const std::int64_t steps_per_epoch : {5, 50, 391}) {
    for (std::int64_t first = 1; first < 3 * steps_per_epoch; ++first) {
      const double start = static_cast<double>(first) / static_cast<double>(steps_per_epoch);
      const AverageConfig config{AverageKind::kEma, 0.9, start};
      EXPECT_EQ(averaged_steps(config, steps_per_epoch, first + 1), (std::vector{first, first + 1})) << start;
    }
  }
}

TEST(UpdateAverage, TakesTheEndsOfEpochsAloneForSwa) {
  EXPECT_EQ(averaged_steps({AverageKind::kSwa, 0, 1.2}, 5, 17), (std::vector<std::int64_t>{10, 15}));
  EXPECT_EQ(averaged_steps({AverageKind::kSwa, 0, 2}, 5, 17), (std::vector<std::int64_t>{10, 15}));
  EXPECT_TRUE(averaged_steps({}, 5, 17).empty());
}

}  // namespace
}  // namespace thalweg
