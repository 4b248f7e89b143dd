// Colours that colour-blind readers can tell apart: a viridis-like map for values, Okabe and Ito's set for lines.
#pragma once

#include <cstddef>
#include <string>

namespace thalweg {

// Returns "#rrggbb" for a position from 0 to 1 (clamped). Low values are light, because paths run there and must stand
// out. Lightness falls steadily, so a greyscale print keeps the order.
std::string map_color(double position);

// For differences: blue at 0, near white at 0.5 (no difference), red at 1.
std::string diverging_color(double position);
using ColorAt = std::string (*)(double position);

// The main path is black. Branches cycle through the other colours, and then again with another dash.
struct LineStyle {
  std::string color;
  std::string dash;  // in SVG's notation; empty: solid
};
LineStyle branch_style(std::size_t index);
// The style of the average of a run with style `run`: its colour, broken by long dashes.
LineStyle average_style(const LineStyle& run);
inline constexpr const char* kMainColor = "#000000";
// For train and test in one panel; distinct from each other and from the runs.
inline constexpr const char* kTrainColor = "#0b5d57";
inline constexpr const char* kTestColor = "#a855c7";

}  // namespace thalweg
