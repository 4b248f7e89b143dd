// Figures of curves: panels in rows of two, as many as stay readable at a page's width, with one legend below.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "report/axes.h"

namespace thalweg {

// The layout of panels, in pixels.
struct PanelPlace {
  static constexpr double kWidth = 400;
  static constexpr double kHeight = 290;
  static constexpr double kLeft = 78;
  static constexpr double kTop = 34;
  static constexpr double kGap = 92;
  static constexpr double kRight = 24;
  static constexpr double kRowGap = 90;  // the upper row's numbers and label, the lower row's title
};

// A range of the x axis, coloured behind the curves and labelled with a word.
struct Band {
  double from = 0;
  double to = 0;
  std::string color;
  std::string word;
  bool word_at_bottom = false;
};

struct PanelPoint {
  Point2 at;
  std::string color;
  Marker marker = Marker::kCircle;
};

struct PanelPlan {
  std::string title;
  std::string y_label;
  double log_ratio = INFINITY;  // the y axis is logarithmic if values span at least this factor
  bool log_x = false;
  std::vector<std::pair<std::vector<Point2>, Stroke>> curves = {};
  std::vector<PanelPoint> points = {};
  std::vector<std::pair<double, Stroke>> levels = {};  // horizontal lines across the panel
  std::vector<Band> bands = {};
};

// Returns the SVG. `x_label` is written below each panel.
std::string draw_panels(const std::string& title, const std::string& x_label, const std::vector<PanelPlan>& plans,
                        const std::vector<LegendEntry>& entries);

}  // namespace thalweg
