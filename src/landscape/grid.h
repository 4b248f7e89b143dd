// The points of a surface: a rectangular grid over the coordinates of a plane.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "trajectory/plane.h"

namespace thalweg {

struct GridRange {
  double x0 = -1, x1 = 1;
  double y0 = -1, y1 = 1;
};

struct Grid {
  std::vector<double> x;  // [nx] ascending, ends included
  std::vector<double> y;  // [ny]

  std::size_t size() const { return x.size() * y.size(); }
  // Points are numbered row after row.
  std::pair<double, double> at(std::size_t point) const { return {x[point % x.size()], y[point / x.size()]}; }
  std::size_t middle() const { return y.size() / 2 * x.size() + x.size() / 2; }
};

// "51x51" -> (51, 51); each at least 1, at most 10,000, together 4 million points. Usage Error otherwise.
std::pair<int, int> parse_grid_size(const std::string& text);
// "-1:1,0:2" -> x and y ranges, each ascending and finite. Usage Error otherwise.
GridRange parse_grid_range(const std::string& text);

// The box around the plane's path, widened on each side by `margin` times its extent (a flat side takes the other's
// extent); -1:1,-1:1 for a plane without a path.
GridRange fit_range(const std::vector<PathPoint>& path, double margin);

// nx = 1 takes the middle of the range.
Grid make_grid(std::pair<int, int> size, const GridRange& range);

}  // namespace thalweg
