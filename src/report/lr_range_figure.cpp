#include "report/lr_range_figure.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "io/atomic_file.h"
#include "report/axes.h"
#include "report/colors.h"

namespace thalweg {
namespace {

constexpr double kWidth = 560;
constexpr double kHeight = 380;
constexpr char kTitle[] = "LR range test";

// Losses above twice the first smoothed one are cut off: they only show where the test ended.
Axis loss_axis(const std::vector<Point2>& losses, const std::vector<Point2>& smoothed) {
  double low = INFINITY, high = -INFINITY;
  for (const Point2& p : losses) {
    if (std::isfinite(p.y)) low = std::min(low, p.y);
  }
  for (const Point2& p : smoothed) {
    if (!std::isfinite(p.y)) continue;
    high = std::max(high, p.y);
  }
  high = std::min(high, 2 * smoothed.front().y);
  return fit_axis({low, high}, "Loss (nats)", INFINITY);
}

}  // namespace

std::string lr_range_figure(const std::vector<Point2>& losses, const std::vector<Point2>& smoothed, double suggested) {
  std::vector<double> rates;
  for (const Point2& p : smoothed) rates.push_back(p.x);
  Axis rate = fit_axis(rates, "Learning rate", 1);
  const Panel panel{70, 30, kWidth - 90, kHeight - 130, rate, loss_axis(losses, smoothed)};
  Svg svg(kWidth, kHeight, kTitle, "Training loss while the learning rate grows from step to step");
  draw_axes(&svg, panel, kTitle, true);
  const Stroke each{"#999999", 0.8, "", 1}, mean{kMainColor, 2, "", 1};
  svg.begin_clip({panel.left, panel.top}, panel.width, panel.height);
  draw_curve(&svg, panel, losses, each);
  draw_curve(&svg, panel, smoothed, mean);
  svg.end_clip();
  std::vector<LegendEntry> entries = {{"each batch", each, false, {}, ""}, {"smoothed", mean, false, {}, ""}};
  const auto at = std::find_if(smoothed.begin(), smoothed.end(), [&](const Point2& p) { return p.x == suggested; });
  if (at != smoothed.end()) {
    const std::string color = branch_style(0).color;
    svg.marker(Marker::kCircle, panel.at(at->x, at->y), 5, color, "falls fastest");
    entries.push_back({"falls fastest", {color, 0, "", 1}, true, Marker::kCircle, color});
  }
  draw_legend(&svg, {panel.left, panel.top + panel.height + 52}, panel.width, entries);
  return svg.finish();
}

void check_lr_range_figure(const std::filesystem::path& file) {
  check(read_file(file).find(fmt::format(">{}</title>", kTitle)) != std::string::npos,
        "{} is not a figure of an LR range test", file.string());
}

}  // namespace thalweg
