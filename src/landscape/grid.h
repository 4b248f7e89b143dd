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
  // The coordinates of a point; points are numbered row by row.
  std::pair<double, double> at(std::size_t point) const { return {x[point % x.size()], y[point / x.size()]}; }
  std::size_t middle() const { return y.size() / 2 * x.size() + x.size() / 2; }
};

// Parses "51x51" into (51, 51); each at least 1 and at most 10,000, and at most 4 million points in all. Throws usage
// Error otherwise.
std::pair<int, int> parse_grid_size(const std::string& text);
// Parses "-1:1,0:2" into x and y ranges, each ascending and finite, or "-1:1" for one row at y = 0. Throws usage Error
// otherwise.
GridRange parse_grid_range(const std::string& text);

// The bounding box of the plane's path, widened on each side by `margin` times its extent (a side without extent uses
// the other's); -1:1,-1:1 for a plane without a path.
GridRange fit_range(const std::vector<PathPoint>& path, double margin);

// A side with a single point takes the middle of its range. Throws usage Error for several rows in a range without
// height.
Grid make_grid(std::pair<int, int> size, const GridRange& range);

}  // namespace thalweg
