#include "report/color_bar.h"

#include <algorithm>
#include <cmath>

namespace thalweg {

std::string band_color(const LevelScale& scale, double value) {
  if (scale.levels.empty()) return map_color(0);
  const auto above = std::upper_bound(scale.levels.begin(), scale.levels.end(), value);
  return map_color(static_cast<double>(above - scale.levels.begin()) / static_cast<double>(scale.levels.size()));
}

void draw_color_bar(Svg* svg, const LevelScale& scale, Point2 corner, double height, const std::string& label,
                    ColorAt color) {
  const double width = 16;
  const std::size_t bands = scale.levels.size() + 1;
  const double step = height / static_cast<double>(bands);
  for (std::size_t k = 0; k < bands; ++k) {
    const double position = bands == 1 ? 0 : static_cast<double>(k) / static_cast<double>(bands - 1);
    svg->rect({corner.x, corner.y + height - step * static_cast<double>(k + 1)}, width, step + 0.4, color(position),
              {"none", 0, "", 1});
  }
  svg->rect(corner, width, height, "none", {"#444", 1, "", 1});
  const std::vector<std::string> texts = tick_texts(scale.levels);
  const std::size_t stride = static_cast<std::size_t>(std::ceil(15 / step));
  for (std::size_t k = 0; k < scale.levels.size(); ++k) {
    const double y = corner.y + height - step * static_cast<double>(k + 1);
    svg->line({corner.x + width, y}, {corner.x + width + 4, y}, {"#444", 1, "", 1});
    if (k % stride != 0) continue;
    svg->text({corner.x + width + 7, y + 4}, texts[k], {.size = 11});
  }
  svg->text({corner.x + kColorBarSpace - 26, corner.y + height / 2}, scale.log ? label + ", logarithmic" : label,
            {.size = 13, .anchor = "middle", .rotate = -90});
}

}  // namespace thalweg
