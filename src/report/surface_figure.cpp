#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "report/axes.h"
#include "report/color_bar.h"
#include "report/figure.h"
#include "report/summary.h"

namespace thalweg {
namespace {

constexpr double kWidth = 1000;
constexpr double kLeft = 72;
constexpr double kTop = 34;
constexpr double kPanelGap = 28;
constexpr std::size_t kMaxLevels = 24;
constexpr double kFaint = 0.3;
constexpr double kDotDistance = 7;  // snapshots closer than this (pixels) to the last dot get none

const Stroke kIsoLine{"#000", 0.6, "", 0.45};

// Everything that both panels share.
struct Map {
  const ReportData& data;
  const Surface& surface;
  LevelScale scale;
  Minima minima;
  std::vector<std::vector<PathPoint>> paths;
  double off_plane_limit = 0;
};

Axis map_axis(const std::vector<double>& coordinates, std::string label) {
  const double low = coordinates.front(), high = coordinates.back();
  if (high > low) return {low, high, false, std::move(label)};
  return {low - 1, high + 1, false, std::move(label)};
}

// Both axes have the same unit: the same scale where that leaves a panel of a sensible shape.
double panel_height(const Surface& surface, double width) {
  const double dx = surface.x.back() - surface.x.front(), dy = surface.y.back() - surface.y.front();
  return width * (dx > 0 && dy > 0 ? std::clamp(dy / dx, 0.62, 1.05) : 0.8);
}

bool same_scale(const Surface& surface) {
  const double dx = surface.x.back() - surface.x.front(), dy = surface.y.back() - surface.y.front();
  return dx > 0 && dy > 0 && dy / dx >= 0.62 && dy / dx <= 1.05;
}

std::vector<Polyline> to_pixels(std::vector<Polyline> lines, const Panel& panel) {
  for (Polyline& line : lines) {
    for (Point2& p : line.points) p = panel.at(p.x, p.y);
  }
  return lines;
}

void draw_bands(Svg* svg, const Map& map, const Panel& panel, const std::vector<double>& values) {
  std::vector<double> shown(values.size());
  std::transform(values.begin(), values.end(), shown.begin(), [&](double v) { return map.scale.transform(v); });
  const GridView grid{map.surface.x, map.surface.y, shown};
  svg->rect({panel.left, panel.top}, panel.width, panel.height, "#e8e8e8", {"none", 0, "", 1});
  svg->fill(to_pixels(region_outlines(grid, -std::numeric_limits<double>::infinity()), panel), map_color(0));
  const double count = static_cast<double>(map.scale.levels.size());
  for (std::size_t k = 0; k < map.scale.levels.size(); ++k) {
    const double level = map.scale.transform(map.scale.levels[k]);
    svg->fill(to_pixels(region_outlines(grid, level), panel), map_color(static_cast<double>(k + 1) / count));
  }
  for (const double level : map.scale.levels) {
    for (const Polyline& line : to_pixels(iso_lines(grid, map.scale.transform(level)), panel)) {
      svg->polyline(line.points, kIsoLine, line.closed);
    }
  }
}

// Pieces that are close to the plane in full, the others fainter.
void draw_path_line(Svg* svg, const Map& map, const Panel& panel, const std::vector<PathPoint>& path, Stroke stroke) {
  for (std::size_t begin = 0; begin + 1 < path.size();) {
    const bool far = path[begin + 1].off_plane > map.off_plane_limit;
    std::vector<Point2> piece{panel.at(path[begin].x, path[begin].y)};
    std::size_t end = begin + 1;
    for (; end < path.size() && (path[end].off_plane > map.off_plane_limit) == far; ++end) {
      piece.push_back(panel.at(path[end].x, path[end].y));
    }
    stroke.opacity = far ? kFaint : 1;
    svg->polyline(piece, {"#fff", stroke.width + 2, "", far ? 0.2 : 0.8});
    svg->polyline(piece, stroke);
    begin = end - 1;
  }
}

std::string point_title(const PathPoint& p, const char* what) {
  return fmt::format("{}: {}, epoch {:.4g}, learning rate {:.4g}, off-plane distance {:.4g}", p.run, what, p.epoch,
                     p.lr, p.off_plane);
}

void draw_path(Svg* svg, const Map& map, const Panel& panel, const std::vector<PathPoint>& path) {
  const LineStyle style = run_style(map.data, path.front().run);
  const bool main = is_main(path.front().run);
  std::vector<PathPoint> line = path;
  const PathPoint* fork = main ? nullptr : fork_point(map.paths, path);
  if (fork != nullptr) line.insert(line.begin(), *fork);
  draw_path_line(svg, map, panel, line, {style.color, main ? 1.6 : 2, style.dash, 1});
  Point2 last{-kDotDistance, -kDotDistance};
  for (const PathPoint& p : path) {
    const Point2 at = panel.at(p.x, p.y);
    if (p.off_plane > map.off_plane_limit || std::hypot(at.x - last.x, at.y - last.y) < kDotDistance) continue;
    svg->marker(Marker::kCircle, at, 2.3, style.color);
    last = at;
  }
}

void draw_path_ends(Svg* svg, const Map& map, const Panel& panel) {
  for (const auto& path : map.paths) {
    const LineStyle style = run_style(map.data, path.front().run);
    const PathPoint* fork = is_main(path.front().run) ? &path.front() : fork_point(map.paths, path);
    const PathPoint& first = fork == nullptr ? path.front() : *fork;
    const PathPoint& last = path.back();
    svg->marker(Marker::kRing, panel.at(first.x, first.y), 4, style.color,
                point_title(first, is_main(path.front().run) ? "start" : "fork"));
    svg->marker(Marker::kSquare, panel.at(last.x, last.y), 4.2, style.color, point_title(last, "end"));
  }
}

void draw_minima(Svg* svg, const Map& map, const Panel& panel) {
  if (map.minima.train) {
    svg->marker(Marker::kStar, panel.at(map.minima.train->x, map.minima.train->y), 9, "#fff",
                fmt::format("train minimum {:.4g}", map.minima.train->value));
  }
  if (map.minima.test) {
    svg->marker(Marker::kCross, panel.at(map.minima.test->x, map.minima.test->y), 8.5, "#fff",
                fmt::format("test minimum {:.4g}", map.minima.test->value));
  }
}

void draw_panel(Svg* svg, const Map& map, const Panel& panel, const std::string& key, const std::string& title) {
  svg->begin_clip({panel.left, panel.top}, panel.width, panel.height);
  draw_bands(svg, map, panel, map.surface.values.at(key));
  for (const auto& path : map.paths) draw_path(svg, map, panel, path);
  draw_path_ends(svg, map, panel);
  svg->end_group();
  draw_axes(svg, panel, title, false, 6);
  draw_minima(svg, map, panel);  // whole, also on the border
  if (map.surface.x.size() < 2 || map.surface.y.size() < 2) {
    svg->text({panel.left + panel.width / 2, panel.top + 20}, "too few grid points for a map",
              {.size = 12, .anchor = "middle", .color = "#666"});
  }
}

std::vector<LegendEntry> legend(const Map& map) {
  std::vector<LegendEntry> entries;
  for (const auto& path : map.paths) {
    const std::string& run = path.front().run;
    const LineStyle style = run_style(map.data, run);
    entries.push_back({is_main(run) ? "main path" : run, {style.color, 2, style.dash, 1}, false, {}, ""});
  }
  const Stroke none{"none", 0, "", 1};
  if (!map.paths.empty()) {
    entries.push_back({"start or fork", none, true, Marker::kRing, "#555"});
    entries.push_back({"end", none, true, Marker::kSquare, "#555"});
  }
  if (map.minima.train) entries.push_back({"minimum of train loss", none, true, Marker::kStar, "#fff"});
  if (map.minima.test) entries.push_back({"minimum of test loss", none, true, Marker::kCross, "#fff"});
  return entries;
}

std::string caption(const Map& map) {
  std::string text = minima_sentence(map.surface);
  const Surface& s = map.surface;
  const auto outside = std::count_if(s.path.begin(), s.path.end(), [&](const PathPoint& p) {
    return p.x < s.x.front() || p.x > s.x.back() || p.y < s.y.front() || p.y > s.y.back();
  });
  const auto far = std::count_if(s.path.begin(), s.path.end(),
                                 [&](const PathPoint& p) { return p.off_plane > map.off_plane_limit; });
  if (const std::size_t bad = num_not_finite(s); bad > 0) {
    text += fmt::format(" Grey: cells next to {} grid point{} without a finite value.", bad, bad == 1 ? "" : "s");
  }
  if (outside > 0) text += fmt::format(" {} of {} path points lie outside the map.", outside, s.path.size());
  if (far > 0) text += " Fainter: parts of the paths that are far from the plane.";
  if (!same_scale(s)) text += " The two axes are not to the same scale.";
  return text;
}

Figure surface_figure(const ReportData& data, const Surface& surface, const std::string& name) {
  std::vector<std::pair<std::string, std::string>> panels;
  std::vector<const std::vector<double>*> values;
  for (const auto& [key, title] : {std::pair{"train_loss", "Train loss"}, std::pair{"test_loss", "Test loss"}}) {
    if (!surface.has(key)) continue;
    panels.emplace_back(key, title);
    values.push_back(&surface.values.at(key));
  }
  const Map map{data,
                surface,
                choose_levels(values, kMaxLevels),
                find_minima(surface),
                paths_by_run(surface),
                off_plane_limit(surface)};
  const double panel_width = (kWidth - kLeft - kColorBarSpace - kPanelGap) / 2;
  const double width = panels.size() == 2 ? kWidth : kWidth - panel_width - kPanelGap;
  const double height = panel_height(surface, panel_width), text_width = width - kLeft - 20;
  const std::vector<LegendEntry> entries = legend(map);
  const std::string words = caption(map);
  const double legend_top = kTop + height + 52;
  const double total = legend_top + legend_height(text_width, entries) + 8 + caption_height(text_width, words) + 12;
  Svg svg(width, total, data.title + ": loss on the plane", words);
  for (std::size_t k = 0; k < panels.size(); ++k) {
    Panel panel{kLeft + static_cast<double>(k) * (panel_width + kPanelGap),
                kTop,
                panel_width,
                height,
                map_axis(surface.x, plane_axis_label(surface, 0)),
                map_axis(surface.y, "")};
    if (k == 0) panel.y.label = plane_axis_label(surface, 1);
    draw_panel(&svg, map, panel, panels[k].first, panels[k].second);
  }
  draw_color_bar(&svg, map.scale, {width - kColorBarSpace + 12, kTop}, height, data.loss_label);
  const double used = draw_legend(&svg, {kLeft, legend_top}, text_width, entries);
  draw_caption(&svg, {kLeft, legend_top + used + 8}, text_width, words);
  return {name, svg.finish()};
}

}  // namespace

std::vector<Figure> surface_figures(const ReportData& data) {
  std::vector<Figure> figures;
  for (std::size_t k = 0; k < data.surfaces.size(); ++k) {
    const Minima minima = find_minima(data.surfaces[k]);
    if (!minima.train && !minima.test) continue;
    const std::string name = k == 0 ? "surface-train-test.svg" : fmt::format("surface-{}-train-test.svg", k + 1);
    figures.push_back(surface_figure(data, data.surfaces[k], name));
  }
  return figures;
}

}  // namespace thalweg
