// The colour bar beside a map.
#pragma once

#include <string>

#include "report/svg.h"

namespace thalweg {

constexpr double kColorBarSpace = 96;  // pixels that bar, numbers and label take

// The colour of a value between two levels, as the bar shows it.
std::string band_color(const LevelScale& scale, double value);

// One box a band, so that it shows exactly the colours of the map. `label` gets ", logarithmic" where the scale is.
void draw_color_bar(Svg* svg, const LevelScale& scale, Point2 corner, double height, const std::string& label);

}  // namespace thalweg
