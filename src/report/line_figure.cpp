#include "report/line_figure.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "report/map_notes.h"
#include "report/map_plane.h"
#include "report/map_values.h"
#include "report/minima.h"
#include "report/panels.h"
#include "report/run_style.h"

namespace thalweg {
namespace {

constexpr double kWhiskers = 2;          // standard errors
constexpr std::size_t kMaxDots = 40;     // with more grid points, none gets a dot
constexpr std::size_t kMaxUprights = 6;  // with more snapshots, none gets a full-height line

struct Line {
  const ReportData& data;
  const Surface& surface;
  std::size_t axis;               // 0: the line runs along x, 1: along y
  const std::vector<double>& at;  // coordinates of the grid points
  std::vector<PathPoint> path;
};

double along(const Line& line, double x, double y) {
  return line.axis == 0 ? x : y;
}

// The other coordinate of all grid points.
double across(const Line& line) {
  return line.axis == 0 ? line.surface.y.front() : line.surface.x.front();
}

const char* color_of(const MapPanel& curve) {
  return curve.split == "test" ? kTestColor : kTrainColor;
}

// Returns half the length of each point's whisker; empty if the values have no standard errors.
std::vector<double> whiskers(const Line& line, const MapPanel& curve) {
  const auto found = line.surface.values.find(curve.key + "_stderr");
  if (found == line.surface.values.end()) return {};
  std::vector<double> half = found->second;
  for (double& h : half) h = std::isfinite(h) ? kWhiskers * h : 0;
  return half;
}

Panel place_panel(const Line& line, const MapValue& value, double left) {
  std::vector<double> ends;
  for (const MapPanel& curve : value.panels) {
    const std::vector<double> half = whiskers(line, curve);
    for (std::size_t i = 0; i < curve.values.size(); ++i) {
      ends.push_back(curve.values[i] + (half.empty() ? 0 : half[i]));
      // A whisker below zero must not prevent a logarithmic axis.
      if (const double low = curve.values[i] - (half.empty() ? 0 : half[i]); low > 0 || half.empty())
        ends.push_back(low);
    }
  }
  const std::string label = fmt::format("{} ({})", value.name, value.unit);
  return {left,
          PanelPlace::kTop,
          PanelPlace::kWidth,
          PanelPlace::kHeight,
          fit_axis(line.at, plane_axis_label(line.surface, line.axis), INFINITY),
          fit_axis(ends, label, value.shade == Shade::kHighIsLight ? INFINITY : kLogAxisRatio)};
}

void draw_whiskers(Svg* svg, const Line& line, const Panel& panel, const MapPanel& curve) {
  const std::vector<double> half = whiskers(line, curve);
  for (std::size_t i = 0; i < half.size(); ++i) {
    if (half[i] == 0 || !std::isfinite(curve.values[i])) continue;
    const Point2 high = panel.at(line.at[i], curve.values[i] + half[i]);
    const Point2 low = panel.at(line.at[i], std::max(curve.values[i] - half[i], panel.y.low));
    svg->line(low, high, {color_of(curve), 1, "", 0.6});
  }
}

void draw_curve_of(Svg* svg, const Line& line, const Panel& panel, const MapPanel& curve) {
  std::vector<Point2> points;
  for (std::size_t i = 0; i < curve.values.size(); ++i) points.push_back({line.at[i], curve.values[i]});
  draw_whiskers(svg, line, panel, curve);
  draw_curve(svg, panel, points, {color_of(curve), 2, "", 1});
  if (points.size() > kMaxDots) return;
  for (const Point2& p : points) {
    const Point2 at = panel.at(p.x, p.y);
    if (std::isfinite(at.y)) svg->marker(Marker::kCircle, at, 2.2, color_of(curve));
  }
}

// The distance from the line is known only where both of a plane's directions are unit vectors.
std::string path_title(const Line& line, const PathPoint& p) {
  const std::string place = fmt::format("{}, step {}, epoch {:.4g}", p.run, p.step, p.epoch);
  if (!has_unit_directions(line.surface)) return fmt::format("{}, off-plane distance {:.4g}", place, p.off_plane);
  const double aside = is_line(line.surface.provenance) ? 0 : (line.axis == 0 ? p.y : p.x) - across(line);
  return fmt::format("{}, off-line distance {:.4g}", place, std::hypot(p.off_plane, aside));
}

void draw_path_points(Svg* svg, const Line& line, const Panel& panel) {
  for (const PathPoint& p : line.path) {
    const LineStyle style = run_style(line.data, p.run);
    const double x = panel.at(along(line, p.x, p.y), panel.y.low).x, bottom = panel.top + panel.height;
    const bool tall = line.path.size() <= kMaxUprights;
    svg->line({x, tall ? panel.top : bottom - 12}, {x, bottom}, {style.color, 1, tall ? "2 4" : "", 0.5});
    svg->marker(Marker::kSquare, {x, bottom - 5}, 3.4, style.color, path_title(line, p));
  }
}

void draw_minimum(Svg* svg, const Line& line, const Panel& panel, const std::optional<SurfaceMinimum>& minimum,
                  Marker marker) {
  if (!minimum) return;
  svg->marker(marker, panel.at(along(line, minimum->x, minimum->y), minimum->value), 8.5, "#fff",
              fmt::format("minimum {:.4g}", minimum->value));
}

std::vector<LegendEntry> legend(const Line& line, const Minima& minima) {
  const Stroke none{"none", 0, "", 1};
  std::vector<LegendEntry> entries;
  if (line.surface.has("train_loss")) entries.push_back({"train", {kTrainColor, 2, "", 1}, false, {}, ""});
  if (line.surface.has("test_loss")) entries.push_back({"test", {kTestColor, 2, "", 1}, false, {}, ""});
  if (minima.train) entries.push_back({"minimum of train loss", none, true, Marker::kStar, "#fff"});
  if (minima.test) entries.push_back({"minimum of test loss", none, true, Marker::kCross, "#fff"});
  std::vector<std::string> runs;
  for (const PathPoint& p : line.path) {
    if (std::find(runs.begin(), runs.end(), p.run) != runs.end()) continue;
    runs.push_back(p.run);
    entries.push_back({run_label(split_run_name(p.run)) + ": snapshots", none, true, Marker::kSquare,
                       run_style(line.data, p.run).color});
  }
  return entries;
}

std::string caption(const Line& line, std::size_t num_outside) {
  std::string text = minima_sentence(line.surface);
  if (!is_line(line.surface.provenance))
    text += fmt::format(" The line lies in a plane, at {:.4g} on its axis \"{}\".", across(line),
                        plane_axis_label(line.surface, 1 - line.axis));
  if (const std::string how = how_values_came(line.surface); !how.empty()) text += fmt::format(" {}", how);
  if (line.surface.has("train_loss_stderr") || line.surface.has("test_loss_stderr")) {
    text += " Whiskers: two standard errors.";
  }
  if (num_outside > 0) text += fmt::format(" {} path points lie beyond the ends of the line.", num_outside);
  return text;
}

Line line_of(const ReportData& data, const Surface& surface) {
  const std::size_t axis = surface.x.size() > 1 || surface.y.size() == 1 ? 0 : 1;
  Line line{data, surface, axis, axis == 0 ? surface.x : surface.y, {}};
  for (const PathPoint& p : surface.path) {
    const double at = along(line, p.x, p.y);
    if (at >= line.at.front() && at <= line.at.back()) line.path.push_back(p);
  }
  return line;
}

}  // namespace

std::string line_figure(const ReportData& data, const Surface& surface) {
  const Line line = line_of(data, surface);
  const Minima minima = find_minima(surface);
  std::size_t left_out = 0;
  std::vector<MapValue> values = map_values(surface, 0, &left_out);  // losses and accuracies only
  const double count = static_cast<double>(values.size());
  const double inner = count * PanelPlace::kWidth + (count - 1) * PanelPlace::kGap,
               legend_top = PanelPlace::kTop + PanelPlace::kHeight + 52;
  const std::vector<LegendEntry> entries = legend(line, minima);
  const std::string words = caption(line, surface.path.size() - line.path.size());
  const double total = legend_top + legend_height(inner, entries) + 8 + caption_height(inner, words) + 12;
  Svg svg(PanelPlace::kLeft + inner + PanelPlace::kRight, total, data.title + ": loss along a line", words);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const Panel panel = place_panel(
        line, values[k], PanelPlace::kLeft + static_cast<double>(k) * (PanelPlace::kWidth + PanelPlace::kGap));
    draw_axes(&svg, panel, values[k].name, true, 6);
    svg.begin_clip({panel.left, panel.top}, panel.width, panel.height);
    draw_path_points(&svg, line, panel);
    for (const MapPanel& curve : values[k].panels) draw_curve_of(&svg, line, panel, curve);
    svg.end_clip();
    if (values[k].name != "Loss") continue;
    draw_minimum(&svg, line, panel, minima.train, Marker::kStar);
    draw_minimum(&svg, line, panel, minima.test, Marker::kCross);
  }
  const double used = draw_legend(&svg, {PanelPlace::kLeft, legend_top}, inner, entries);
  draw_caption(&svg, {PanelPlace::kLeft, legend_top + used + 8}, inner, words);
  return svg.finish();
}

}  // namespace thalweg
