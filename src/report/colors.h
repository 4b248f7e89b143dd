// Colours that stay apart for colour-blind readers: a viridis-like map for values, Okabe and Ito's set for lines.
#pragma once

#include <cstddef>
#include <string>

namespace thalweg {

// "#rrggbb" at position 0..1 (clamped). Light where the value is low, since that is where the paths run and must stand
// out; lightness falls steadily, so that a grey print keeps the order.
std::string map_color(double position);

// For differences: blue at 0, near white at 0.5 (no difference), red at 1.
std::string diverging_color(double position);
using ColorAt = std::string (*)(double position);

// The main path is black; branches go through the other colours, then again with another dash.
struct LineStyle {
  std::string color;
  std::string dash;  // as SVG writes it; empty: solid
};
LineStyle branch_style(std::size_t index);
// Of the average of a run of that style: its colour, broken by long dashes.
LineStyle average_style(const LineStyle& run);
inline constexpr const char* kMainColor = "#000000";
// Train and test beside each other in one panel, apart from each other and from the runs.
inline constexpr const char* kTrainColor = "#0b5d57";
inline constexpr const char* kTestColor = "#a855c7";

}  // namespace thalweg
