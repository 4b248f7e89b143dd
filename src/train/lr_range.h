// The LR range test (Smith 2017, "Cyclical Learning Rates", section 3.3): a short training from initial weights whose
// rate grows by a constant factor each step. Where the loss falls fastest is a good rate to start with; beyond where it
// explodes none is.
#pragma once

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
  std::vector<LrRangePoint> points;  // up to where the test ended
  bool diverged = false;             // ended since the smoothed loss was four times its best, NaN or infinite
};

// `report` is called with each point. A request to stop ends the test early.
LrRange test_lr_range(const RunSpec& spec, const RunContext& context, const LrRangeConfig& config,
                      const std::function<void(const LrRangePoint&)>& report);

// The rate at which the smoothed loss falls fastest over the logarithm of the rate, from a tenth of the points before
// to a tenth after it, and the one at which it is lowest (but for the first tenth); nothing where it never falls.
struct LrSuggestion {
  double steepest = 0;
  double lowest = 0;
};
std::optional<LrSuggestion> suggest_lr(const std::vector<LrRangePoint>& points);

// "lr,loss,smoothed_loss" and a row a point; numbers read back as the same doubles, NaN as an empty cell.
std::string lr_range_csv(const std::vector<LrRangePoint>& points);
// Throws Error for a file that is no such table, by how it begins.
void check_lr_range_csv(const std::filesystem::path& file);

}  // namespace thalweg
