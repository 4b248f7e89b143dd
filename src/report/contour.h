// Level lines and filled regions of a function on a grid (marching squares with linear interpolation).
//
// A cell with a corner that is not finite (NaN, inf, missing) stays open: neither lines nor colours enter it. A value
// equal to the level counts as above it. In a saddle cell the mean of the four corners decides which corners are
// joined. Lines and outlines are joined by the identity of their vertices, not by comparing coordinates, so they are
// exact. The output is deterministic: it follows the order of the grid, row by row.
#pragma once

#include <vector>

namespace thalweg {

struct Point2 {
  double x = 0;
  double y = 0;
};

// A view of a grid: values[j * x.size() + i] is at (x[i], y[j]). There are no cells if an axis has fewer than two
// points.
struct GridView {
  const std::vector<double>& x;       // ascending
  const std::vector<double>& y;       // ascending
  const std::vector<double>& values;  // [ny][nx]
};

struct Polyline {
  std::vector<Point2> points;
  bool closed = false;  // the last point is joined to the first, which is not repeated
};

// Returns the joined lines where the function equals `level`; the higher side is to their left.
std::vector<Polyline> iso_lines(const GridView& grid, double level);

// Returns the outlines of {value >= level}, closed rings to be filled with the even-odd rule; level = -infinity gives
// all cells that are not open. Painting the regions in order of ascending level gives filled bands without seams.
std::vector<Polyline> region_outlines(const GridView& grid, double level);

}  // namespace thalweg
