// The choice of levels, colour scales and ticks: round numbers, linear or by the logarithm.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace thalweg {

// How values become colours and levels.
struct LevelScale {
  bool log = false;            // levels and colours go by the logarithm
  std::vector<double> levels;  // ascending "round" numbers, strictly inside the range; empty for a constant surface
  double low = 0;              // the range shown: the smallest value ...
  double high = 0;             // ... and the largest, or, with outliers, where the colour ends

  // 0 at low, 1 at high, clamped.
  double position(double value) const;
  // What to hand to the functions of contour.h in place of a value, so that lines are interpolated on the same scale.
  double transform(double value) const;
};

// Common levels of several surfaces. Losses span orders of magnitude: where all values are positive (a zero among
// positive ones counts as the smallest of them) and the largest is at least five times the smallest, levels are round
// numbers spaced by the logarithm. Where the largest is over 100 times the 95th percentile, the range ends at that
// percentile and the colour above it is open-ended. At most `max_levels` levels. Values that are not finite are
// ignored.
LevelScale choose_levels(const std::vector<const std::vector<double>*>& surfaces, std::size_t max_levels);
// The same without logarithms.
LevelScale choose_linear_levels(const std::vector<const std::vector<double>*>& surfaces, std::size_t max_levels);
// Linear and symmetric about 0, so that 0 has the position 0.5; for differences.
LevelScale choose_diverging_levels(const std::vector<const std::vector<double>*>& surfaces, std::size_t max_levels);

// Round numbers that divide [low, high] into about `count` steps (1, 2, 2.5 or 5 times a power of ten).
std::vector<double> round_steps(double low, double high, std::size_t count);
// Round numbers in [low, high] spaced by the logarithm, as many as there are up to `count`. Needs 0 < low.
std::vector<double> round_log_steps(double low, double high, std::size_t count);

// A number for an axis or a colour bar: shortest form with at most four digits.
std::string short_number(double value);

}  // namespace thalweg
