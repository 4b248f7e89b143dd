// Axes and panels of the SVG figures.
#pragma once

#include <string>
#include <vector>

#include "report/svg.h"

namespace thalweg {

struct Axis {
  double low = 0;
  double high = 1;
  bool log = false;
  std::string label;

  double position(double value) const;  // 0 at low, 1 at high; NaN if the value has no place (log of <= 0)
  std::vector<double> ticks(std::size_t count) const;
};

// If the largest value is at least this many times the smallest, a linear axis hides the small ones. Curves of losses
// and rates use it as `log_ratio`.
inline constexpr double kLogAxisRatio = 20;

// An axis over the finite values, with a margin; logarithmic if they are positive and span at least a factor
// `log_ratio`.
Axis fit_axis(const std::vector<double>& values, std::string label, double log_ratio);

struct Panel {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
  Axis x;
  Axis y;

  Point2 at(double value_x, double value_y) const;
};

// Draws the frame, tick marks (about `num_x_ticks` along x, 6 to 8 along y), the numbers and labels of both axes, and a
// title above.
void draw_axes(Svg* svg, const Panel& panel, const std::string& title, bool grid_lines, std::size_t num_x_ticks = 7);
// Draws a curve. Points without a place (NaN, inf) leave a gap; a single point between gaps becomes a dot.
void draw_curve(Svg* svg, const Panel& panel, const std::vector<Point2>& points, const Stroke& stroke);

// Draws the entries in columns as wide as the longest name; returns the height used.
struct LegendEntry {
  std::string name;
  Stroke stroke;  // a width of 0 draws no line
  bool has_marker = false;
  Marker marker = Marker::kCircle;
  std::string marker_color;
};
double draw_legend(Svg* svg, Point2 corner, double width, const std::vector<LegendEntry>& entries);
double legend_height(double width, const std::vector<LegendEntry>& entries);

// Draws the text in lines that fit `width`; returns the height used.
double draw_caption(Svg* svg, Point2 corner, double width, const std::string& text);
double caption_height(double width, const std::string& text);

}  // namespace thalweg
