// Figures of curves: panels in rows of two, as many as are readable in a page's width, with one legend under them.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "report/axes.h"

namespace thalweg {

// Where panels lie, in pixels.
struct PanelPlace {
  static constexpr double kWidth = 400;
  static constexpr double kHeight = 290;
  static constexpr double kLeft = 78;
  static constexpr double kTop = 34;
  static constexpr double kGap = 92;
  static constexpr double kRight = 24;
  static constexpr double kRowGap = 90;  // the upper row's numbers and label, the lower one's title
};

// A stretch of the x axis with a colour behind the curves and a word in it.
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
  double log_ratio = INFINITY;  // a y axis that spans more than this is logarithmic
  bool log_x = false;
  std::vector<std::pair<std::vector<Point2>, Stroke>> curves = {};
  std::vector<PanelPoint> points = {};
  std::vector<std::pair<double, Stroke>> levels = {};  // horizontal lines across the panel
  std::vector<Band> bands = {};
};

// The SVG. `x_label` stands under each panel.
std::string draw_panels(const std::string& title, const std::string& x_label, const std::vector<PanelPlan>& plans,
                        const std::vector<LegendEntry>& entries);

}  // namespace thalweg
