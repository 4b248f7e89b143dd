#include "landscape/grid.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/parse_number.h"

namespace thalweg {
namespace {

constexpr std::int64_t kMostPoints = 4'000'000;  // a map keeps about a thousand bytes per point

std::optional<std::pair<double, double>> parse_interval(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto low = parse_number<double>(text.substr(0, colon));
  const auto high = parse_number<double>(text.substr(colon + 1));
  if (!low || !high || !std::isfinite(*low) || !std::isfinite(*high) || *low > *high) return std::nullopt;
  return std::pair{*low, *high};
}

std::vector<double> linspace(double from, double to, int count) {
  if (count == 1) return {0.5 * (from + to)};
  std::vector<double> out(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    // This form keeps both ends exact and gives symmetric values for symmetric ranges.
    const double t = static_cast<double>(i) / (count - 1);
    out[static_cast<std::size_t>(i)] = (1 - t) * from + t * to;
  }
  return out;
}

}  // namespace

std::pair<int, int> parse_grid_size(const std::string& text) {
  const std::size_t cross = text.find('x');
  if (cross != std::string::npos) {
    const auto nx = parse_number<int>(std::string_view(text).substr(0, cross));
    const auto ny = parse_number<int>(std::string_view(text).substr(cross + 1));
    if (nx && ny && *nx >= 1 && *ny >= 1 && *nx <= 10000 && *ny <= 10000) {
      if (std::int64_t{*nx} * *ny > kMostPoints)
        fail_usage("a grid of {} has {} points, but at most {} are supported; use a coarser grid", text,
                   std::int64_t{*nx} * *ny, kMostPoints);
      return {*nx, *ny};
    }
  }
  fail_usage("a grid is given as WIDTHxHEIGHT with whole numbers from 1 to 10000, like 51x51; got '{}'", text);
}

GridRange parse_grid_range(const std::string& text) {
  const std::size_t comma = text.find(',');
  const auto x = parse_interval(std::string_view(text).substr(0, comma));
  const auto y = comma == std::string::npos ? std::optional(std::pair(0.0, 0.0))
                                            : parse_interval(std::string_view(text).substr(comma + 1));
  if (x && y && x->first < x->second) return {x->first, x->second, y->first, y->second};
  fail_usage(
      "a range is given as x0:x1,y0:y1 with x0 < x1 and y0 < y1, like --range=-1:1,-0.5:0.5, or for a grid of one row "
      "as x0:x1; got '{}'",
      text);
}

GridRange fit_range(const std::vector<PathPoint>& path, double margin) {
  if (path.empty()) return {};
  GridRange box{path[0].x, path[0].x, path[0].y, path[0].y};
  for (const PathPoint& point : path) {
    box.x0 = std::min(box.x0, point.x);
    box.x1 = std::max(box.x1, point.x);
    box.y0 = std::min(box.y0, point.y);
    box.y1 = std::max(box.y1, point.y);
  }
  double width = box.x1 - box.x0;
  double height = box.y1 - box.y0;
  if (width <= 0 && height <= 0) return {box.x0 - 1, box.x0 + 1, box.y0 - 1, box.y0 + 1};
  const double pad_x = (width > 0 ? margin * width : (0.5 + margin) * height);
  const double pad_y = (height > 0 ? margin * height : (0.5 + margin) * width);
  return {box.x0 - pad_x, box.x1 + pad_x, box.y0 - pad_y, box.y1 + pad_y};
}

Grid make_grid(std::pair<int, int> size, const GridRange& range) {
  if (size.second > 1 && range.y0 == range.y1)
    fail_usage("the range must give y0:y1 with y0 < y1 for a grid of {} rows, like --range=-1:1,-0.5:0.5", size.second);
  return {linspace(range.x0, range.x1, size.first), linspace(range.y0, range.y1, size.second)};
}

}  // namespace thalweg
