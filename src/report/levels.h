// Chooses levels, colour scales and ticks at round numbers, linear or logarithmic.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace thalweg {

// The mapping of values to colours and levels.
struct LevelScale {
  bool log = false;            // levels and colours are logarithmic
  std::vector<double> levels;  // ascending round numbers, strictly within the range; empty for a constant surface
  double low = 0;              // of the range shown: the smallest value
  double high = 0;             // of the range shown: the largest value, or with outliers the end of the colours

  // 0 at low, 1 at high, clamped.
  double position(double value) const;
  // The value to pass to the functions of contour.h in place of `value`, so that lines are interpolated on the same
  // scale.
  double transform(double value) const;
};

// Chooses common levels for several surfaces, at most `max_levels`. Losses span orders of magnitude: if all values are
// positive (a zero among positive ones counts as the smallest of them) and the largest is at least five times the
// smallest, levels are round numbers at logarithmic distances. If the largest is over 100 times the 95th percentile,
// the range ends at that percentile, and the colour above it is open-ended. Values that are not finite are ignored.
LevelScale choose_levels(const std::vector<const std::vector<double>*>& surfaces, std::size_t max_levels);
// Chooses levels in the same way, but never logarithmic ones.
LevelScale choose_linear_levels(const std::vector<const std::vector<double>*>& surfaces, std::size_t max_levels);
// Linear and symmetric about 0, so that 0 is at position 0.5; for differences.
LevelScale choose_diverging_levels(const std::vector<const std::vector<double>*>& surfaces, std::size_t max_levels);

// Whether the two differ by rounding errors at most: equal losses may differ in their last bits.
bool is_flat(double low, double high);
// Returns round numbers that divide [low, high] into about `count` steps (1, 2, 2.5 or 5 times a power of ten); none
// if the range is flat.
std::vector<double> round_steps(double low, double high, std::size_t count);
// Returns at most `count` round numbers in [low, high] at logarithmic distances. Requires 0 < low.
std::vector<double> round_log_steps(double low, double high, std::size_t count);

// The shortest text of a number with at most four digits, or `digits`.
std::string short_number(double value, int digits = 4);
// The texts of the numbers on an axis or a colour bar, ascending: as short as they can be and still tell them apart.
std::vector<std::string> tick_texts(const std::vector<double>& values);

}  // namespace thalweg
