// The colour bar beside a map.
#pragma once

#include <string>

#include "report/colors.h"
#include "report/levels.h"
#include "report/svg.h"

namespace thalweg {

inline constexpr double kColorBarSpace = 104;  // width of bar, numbers and label in pixels

// Returns the colour that the bar shows for a value.
std::string band_color(const LevelScale& scale, double value);

// Draws one box per band, with exactly the colours of the map. Appends ", logarithmic" to `label` if the scale is.
void draw_color_bar(Svg* svg, const LevelScale& scale, Point2 corner, double height, const std::string& label,
                    ColorAt color = map_color);

}  // namespace thalweg
