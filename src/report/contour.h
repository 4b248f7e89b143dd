// Level lines and filled regions of a function on a grid (marching squares with linear interpolation).
//
// A cell with a corner that is not finite (NaN, inf, missing) stays open: no line and no colour enters it. A value
// equal to the level counts as above. In a saddle cell the mean of the four corners decides which corners are joined.
// Lines and outlines are joined by the identity of their vertices, not by comparing coordinates, so they are exact.
// Deterministic: the order is that of the grid, rows first.
#pragma once

#include <vector>

namespace thalweg {

struct Point2 {
  double x = 0;
  double y = 0;
};

// A view of a grid: values[j * x.size() + i] is at (x[i], y[j]). Fewer than two points along an axis: no cells.
struct GridView {
  const std::vector<double>& x;       // ascending
  const std::vector<double>& y;       // ascending
  const std::vector<double>& values;  // [ny][nx]
};

struct Polyline {
  std::vector<Point2> points;
  bool closed = false;  // the last point joins the first, which is not repeated
};

// Where the function equals `level`, as joined lines; the higher side lies to their left.
std::vector<Polyline> iso_lines(const GridView& grid, double level);

// Outlines of {value >= level}, closed rings to be filled with the even-odd rule. With level = -infinity: all cells
// that are not open. Painting the regions of ascending levels one over the other gives filled bands without seams.
std::vector<Polyline> region_outlines(const GridView& grid, double level);

}  // namespace thalweg
