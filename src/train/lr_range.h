// The LR range test (Smith 2017, "Cyclical Learning Rates", section 3.3): a short training run from initial weights
// whose rate grows by a constant factor each step. The rate at which the loss falls fastest is a good one to start
// with; rates beyond the point where the loss explodes are unusable.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "train/run.h"

namespace thalweg {

struct LrRangeConfig {
  double low = 1e-5;
  double high = 10;
  std::int64_t steps = 100;  // from low to high, both included
};

struct LrRangePoint {
  double lr = 0;
  double loss = 0;      // of the batch, before its update
  double smoothed = 0;  // exponential mean of the losses so far (weight 0.95 of the past, bias-corrected)
};

struct LrRange {
  std::vector<LrRangePoint> points;  // up to the end of the test
  bool diverged = false;             // ended because the smoothed loss was NaN, infinite or above four times its best
};

// Calls `report` with each point. A stop request ends the test early.
LrRange test_lr_range(const RunSpec& spec, const RunContext& context, const LrRangeConfig& config,
                      const std::function<void(const LrRangePoint&)>& report);

// The rate at which the smoothed loss falls fastest over the logarithm of the rate, measured from a tenth of the points
// before to a tenth after it, and the rate at which it is lowest (without the first tenth). Nothing if it never falls.
struct LrSuggestion {
  double steepest = 0;
  double lowest = 0;
};
std::optional<LrSuggestion> suggest_lr(const std::vector<LrRangePoint>& points);

// Header "lr,loss,smoothed_loss" and one row per point. Numbers read back as the same doubles; NaN becomes an empty
// cell.
std::string lr_range_csv(const std::vector<LrRangePoint>& points);
// Throws Error if the file is not such a table, judged by its header.
void check_lr_range_csv(const std::filesystem::path& file);

}  // namespace thalweg
