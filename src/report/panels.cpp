#include "report/panels.h"

#include <algorithm>

namespace thalweg {
namespace {

constexpr std::size_t kColumns = 2;

Panel place_panel(const PanelPlan& plan, std::size_t index, const std::string& x_label) {
  std::vector<double> xs, ys;
  for (const auto& [curve, stroke] : plan.curves) {
    for (const Point2& p : curve) {
      if (!std::isfinite(p.y)) continue;
      xs.push_back(p.x);
      ys.push_back(p.y);
    }
  }
  for (const PanelPoint& point : plan.points) {
    xs.push_back(point.at.x);
    ys.push_back(point.at.y);
  }
  for (const auto& [level, stroke] : plan.levels) ys.push_back(level);
  const double column = static_cast<double>(index % kColumns), row = static_cast<double>(index / kColumns);
  return {PanelPlace::kLeft + column * (PanelPlace::kWidth + PanelPlace::kGap),
          PanelPlace::kTop + row * (PanelPlace::kHeight + PanelPlace::kRowGap),
          PanelPlace::kWidth,
          PanelPlace::kHeight,
          fit_axis(xs, x_label, plan.log_x ? 1 : INFINITY),
          fit_axis(ys, plan.y_label, plan.log_ratio)};
}

// The pixel position of `x` in the panel, clamped to its borders.
double pixel_x(const Panel& panel, double x) {
  return panel.left + std::clamp(panel.x.position(std::clamp(x, panel.x.low, panel.x.high)), 0.0, 1.0) * panel.width;
}

void draw_band(Svg* svg, const Panel& panel, const Band& band) {
  const double from = pixel_x(panel, band.from), to = pixel_x(panel, band.to);
  if (!(to > from)) return;
  svg->rect({from, panel.top}, to - from, panel.height, band.color, {"none", 0, "", 1});
  if (text_width(band.word, 11) > to - from) return;
  const double y = band.word_at_bottom ? panel.top + panel.height - 26 : panel.top + 15;
  svg->text({(from + to) / 2, y}, band.word, {.size = 11, .anchor = "middle", .color = "#666"});
}

}  // namespace

std::string draw_panels(const std::string& title, const std::string& x_label, const std::vector<PanelPlan>& plans,
                        const std::vector<LegendEntry>& entries) {
  const double columns = static_cast<double>(std::min(plans.size(), kColumns));
  const double rows = static_cast<double>((plans.size() + kColumns - 1) / kColumns);
  const double inner = columns * PanelPlace::kWidth + (columns - 1) * PanelPlace::kGap;
  const double legend_top = PanelPlace::kTop + rows * PanelPlace::kHeight + (rows - 1) * PanelPlace::kRowGap + 50;
  Svg svg(PanelPlace::kLeft + inner + PanelPlace::kRight, legend_top + legend_height(inner, entries) + 12, title,
          title);
  for (std::size_t k = 0; k < plans.size(); ++k) {
    const Panel panel = place_panel(plans[k], k, x_label);
    for (const Band& band : plans[k].bands) draw_band(&svg, panel, band);
    draw_axes(&svg, panel, plans[k].title, true);
    svg.begin_clip({panel.left, panel.top}, panel.width, panel.height);
    for (const auto& [level, stroke] : plans[k].levels) {
      svg.polyline({panel.at(panel.x.low, level), panel.at(panel.x.high, level)}, stroke);
    }
    for (const auto& [curve, stroke] : plans[k].curves) draw_curve(&svg, panel, curve, stroke);
    svg.end_clip();
    for (const PanelPoint& point : plans[k].points) {
      svg.marker(point.marker, panel.at(point.at.x, point.at.y), 5, point.color);
    }
  }
  draw_legend(&svg, {PanelPlace::kLeft, legend_top}, inner, entries);
  return svg.finish();
}

}  // namespace thalweg
