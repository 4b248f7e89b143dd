#include "report/map_panel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "io/json_member.h"
#include "report/map_paths.h"
#include "report/run_style.h"
#include "trajectory/run_name.h"

namespace thalweg {
namespace {

constexpr double kFaint = 0.3;
constexpr double kDotDistance = 7;  // snapshots closer than this (in pixels) to the last dot get none
constexpr double kOnPlane = 1e-3;   // relative to the map's width: nearer points count as on the plane
constexpr std::array<Marker, 2> kMarks = {Marker::kDiamond, Marker::kTriangle};
constexpr const char* kMarkColor = "#f0e442";

const Stroke kIsoLine{"#000", 0.6, "", 0.45};

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
  svg->fill(to_pixels(region_outlines(grid, -std::numeric_limits<double>::infinity()), panel), map.color(0));
  const double count = static_cast<double>(map.scale.levels.size());
  for (std::size_t k = 0; k < map.scale.levels.size(); ++k) {
    const double level = map.scale.transform(map.scale.levels[k]);
    svg->fill(to_pixels(region_outlines(grid, level), panel), map.color(static_cast<double>(k + 1) / count));
  }
  for (const double level : map.scale.levels) {
    for (const Polyline& line : to_pixels(iso_lines(grid, map.scale.transform(level)), panel)) {
      svg->polyline(line.points, kIsoLine, line.closed);
    }
  }
}

// Draws pieces close to the plane at full strength, the others fainter.
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
  const PathPoint* fork = fork_point(map.paths, path);
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

// Points that the plane was laid through, without lines between them.
void draw_points(Svg* svg, const Map& map, const Panel& panel) {
  for (const auto& points : map.paths) {
    for (const PathPoint& p : points) {
      svg->marker(
          Marker::kSquare, panel.at(p.x, p.y), 4.2, run_style(map.data, p.run).color,
          fmt::format("{}: step {}, epoch {:.4g}, off-plane distance {:.4g}", p.run, p.step, p.epoch, p.off_plane));
    }
  }
}

void draw_path_ends(Svg* svg, const Map& map, const Panel& panel) {
  for (const auto& path : map.paths) {
    const LineStyle style = run_style(map.data, path.front().run);
    const PathPoint* fork = fork_point(map.paths, path);
    const PathPoint& first = fork == nullptr ? path.front() : *fork;
    const PathPoint& last = path.back();
    svg->marker(Marker::kRing, panel.at(first.x, first.y), 4, style.color,
                point_title(first, fork == nullptr ? "start" : "fork"));
    svg->marker(Marker::kSquare, panel.at(last.x, last.y), 4.2, style.color, point_title(last, "end"));
  }
}

// Assigns shapes to the marks, in their order.
std::vector<LegendEntry> mark_entries(const Surface& surface) {
  std::vector<LegendEntry> entries;
  for (const nlohmann::json& mark : member(surface.provenance, "marks")) {
    const Marker shape = kMarks[entries.size() % kMarks.size()];
    entries.push_back({mark.at("name").get<std::string>(), {"none", 0, "", 1}, true, shape, kMarkColor});
  }
  return entries;
}

// Marks are smaller than the minima, which may lie below them.
void draw_marks(Svg* svg, const Map& map, const Panel& panel) {
  const nlohmann::json marks = member(map.surface.provenance, "marks");
  const std::vector<LegendEntry> entries = mark_entries(map.surface);
  for (std::size_t k = 0; k < entries.size(); ++k) {
    const Point2 at = panel.at(marks[k].at("x").get<double>(), marks[k].at("y").get<double>());
    svg->marker(entries[k].marker, at, 4.2, kMarkColor, entries[k].name);
  }
}

void draw_minima(Svg* svg, const Map& map, const Panel& panel) {
  // If both are at one grid point, the cross is drawn inside the star.
  const bool together = map.minima.distance == 0.0;
  if (map.minima.train) {
    svg->marker(Marker::kStar, panel.at(map.minima.train->x, map.minima.train->y), together ? 13 : 9, "#fff",
                fmt::format("train minimum {:.4g}", map.minima.train->value));
  }
  if (map.minima.test) {
    const std::string name = test_loss_name(map.surface);
    svg->marker(Marker::kCross, panel.at(map.minima.test->x, map.minima.test->y), together ? 4.5 : 8.5, "#fff",
                fmt::format("{} minimum {:.4g}", name.substr(0, name.find(" loss")), map.minima.test->value));
  }
}

}  // namespace

void draw_map_panel(Svg* svg, const Map& map, const Panel& panel, const MapPanel& shown) {
  svg->begin_clip({panel.left, panel.top}, panel.width, panel.height);
  draw_bands(svg, map, panel, shown.values);
  if (has_trainings(map.surface)) {
    for (const auto& path : map.paths) draw_path(svg, map, panel, path);
    draw_path_ends(svg, map, panel);
  } else {
    draw_points(svg, map, panel);
  }
  svg->end_clip();
  draw_axes(svg, panel, shown.title, false, 6);
  draw_minima(svg, map, panel);  // not clipped, also at the border
  draw_marks(svg, map, panel);
}

std::string marks_sentence(const Surface& surface) {
  std::string text;
  for (const nlohmann::json& mark : member(surface.provenance, "marks")) {
    const double off = mark.at("off_plane").get<double>();
    if (off <= kOnPlane * (surface.x.back() - surface.x.front())) continue;
    text +=
        fmt::format("{}{} by {:.2g}", text.empty() ? "Off the plane: " : ", ", mark.at("name").get<std::string>(), off);
  }
  return text.empty() ? text : text + '.';
}

std::vector<LegendEntry> map_legend(const Map& map) {
  const Stroke none{"none", 0, "", 1};
  std::vector<LegendEntry> entries;
  std::vector<std::string> named;  // runs of different seeds look alike
  for (const auto& path : map.paths) {
    RunName name = split_run_name(path.front().run);
    name.seed.clear();
    const std::string label = run_label(name);
    if (std::find(named.begin(), named.end(), label) != named.end()) continue;
    named.push_back(label);
    const LineStyle style = run_style(map.data, path.front().run);
    if (has_trainings(map.surface)) {
      entries.push_back({label, {style.color, 2, style.dash, 1}, false, {}, ""});
    } else {
      entries.push_back({label, none, true, Marker::kSquare, style.color});
    }
  }
  if (!map.paths.empty() && has_trainings(map.surface)) {
    entries.push_back({"start or fork", none, true, Marker::kRing, "#555"});
    entries.push_back({"end", none, true, Marker::kSquare, "#555"});
  }
  for (LegendEntry& entry : mark_entries(map.surface)) entries.push_back(std::move(entry));
  if (map.minima.train) entries.push_back({"minimum of train loss", none, true, Marker::kStar, "#fff"});
  if (map.minima.test)
    entries.push_back({"minimum of " + test_loss_name(map.surface), none, true, Marker::kCross, "#fff"});
  return entries;
}

}  // namespace thalweg
