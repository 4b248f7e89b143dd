// The colour bar beside a map.
#pragma once

#include <string>

#include "report/colors.h"
#include "report/levels.h"
#include "report/svg.h"

namespace thalweg {

inline constexpr double kColorBarSpace = 104;  // pixels that bar, numbers and label take

// The colour of a value between two levels, as the bar shows it.
std::string band_color(const LevelScale& scale, double value);

// One box a band, so that it shows exactly the colours of the map. `label` gets ", logarithmic" where the scale is.
void draw_color_bar(Svg* svg, const LevelScale& scale, Point2 corner, double height, const std::string& label,
                    ColorAt color = map_color);

}  // namespace thalweg
