#include "report/axes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "report/levels.h"

namespace thalweg {
namespace {

constexpr double kTextSize = 12;
constexpr double kLegendRow = 19;
constexpr double kCaptionRow = 16;
constexpr double kLegendSample = 34;  // the line in front of a name
constexpr std::size_t kMaxNameChars = 28;
constexpr double kDotRadius = 3.5;
const Stroke kFrame{"#444", 1, "", 1};
const Stroke kGridLine{"#e4e4e4", 1, "", 1};

std::size_t legend_columns(double width, const std::vector<LegendEntry>& entries, double* column_width) {
  *column_width = 0;
  for (const LegendEntry& e : entries) {
    *column_width = std::max(*column_width, kLegendSample + 22 + text_width(shorten(e.name, kMaxNameChars), kTextSize));
  }
  return std::max<std::size_t>(1, static_cast<std::size_t>(width / std::max(*column_width, 1.0)));
}

std::vector<std::string> wrap(const std::string& text, double width) {
  std::vector<std::string> lines{""};
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    const std::string longer = lines.back().empty() ? word : lines.back() + " " + word;
    if (!lines.back().empty() && text_width(longer, kTextSize) > width) {
      lines.push_back(word);
    } else {
      lines.back() = longer;
    }
    begin = end + 1;
  }
  return lines;
}

void draw_x_ticks(Svg* svg, const Panel& p, bool grid_lines, std::size_t count) {
  const double bottom = p.top + p.height;
  double free_from = -std::numeric_limits<double>::infinity();  // overlapping numbers are left out
  const std::vector<double> ticks = p.x.ticks(count);
  const std::vector<std::string> texts = tick_texts(ticks);
  for (std::size_t k = 0; k < ticks.size(); ++k) {
    const double x = p.left + p.x.position(ticks[k]) * p.width;
    if (grid_lines) svg->line({x, p.top}, {x, bottom}, kGridLine);
    svg->line({x, bottom}, {x, bottom + 5}, kFrame);
    const double half = text_width(texts[k], kTextSize) / 2;
    if (x - half < free_from) continue;
    svg->text({x, bottom + 18}, texts[k], {.size = kTextSize, .anchor = "middle"});
    free_from = x + half + 4;
  }
}

// Returns the width of the widest tick label.
double draw_y_ticks(Svg* svg, const Panel& p, bool grid_lines) {
  double widest = 0, free_below = std::numeric_limits<double>::infinity();
  const std::vector<double> ticks = p.y.ticks(p.y.log ? 8 : 6);
  const std::vector<std::string> texts = tick_texts(ticks);
  for (std::size_t k = 0; k < ticks.size(); ++k) {
    const double y = p.top + (1 - p.y.position(ticks[k])) * p.height;
    if (grid_lines) svg->line({p.left, y}, {p.left + p.width, y}, kGridLine);
    svg->line({p.left - 5, y}, {p.left, y}, kFrame);
    if (y > free_below) continue;
    svg->text({p.left - 8, y + 4}, texts[k], {.size = kTextSize, .anchor = "end"});
    widest = std::max(widest, text_width(texts[k], kTextSize));
    free_below = y - kTextSize;
  }
  return widest;
}

}  // namespace

double Axis::position(double value) const {
  if (log && value <= 0) return std::nan("");
  const double a = log ? std::log(low) : low, b = log ? std::log(high) : high;
  return ((log ? std::log(value) : value) - a) / (b - a);
}

std::vector<double> Axis::ticks(std::size_t count) const {
  return log ? round_log_steps(low, high, count) : round_steps(low, high, count);
}

Axis fit_axis(const std::vector<double>& values, std::string label, double log_ratio) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  if (low > high) return {0, 1, false, std::move(label)};
  if (is_flat(low, high)) {
    const double half = low == 0 ? 1 : 0.1 * std::abs(low);
    return {low - half, high + half, false, std::move(label)};
  }
  if (low > 0 && high >= log_ratio * low) {
    const double margin = std::pow(high / low, 0.04);
    return {low / margin, high * margin, true, std::move(label)};
  }
  const double margin = 0.04 * (high - low);
  return {low - margin, high + margin, false, std::move(label)};
}

Point2 Panel::at(double value_x, double value_y) const {
  return {left + x.position(value_x) * width, top + (1 - y.position(value_y)) * height};
}

void draw_axes(Svg* svg, const Panel& p, const std::string& title, bool grid_lines, std::size_t num_x_ticks) {
  draw_x_ticks(svg, p, grid_lines, num_x_ticks);
  const double numbers = draw_y_ticks(svg, p, grid_lines);
  svg->rect({p.left, p.top}, p.width, p.height, "none", kFrame);
  const double middle = p.left + p.width / 2;
  if (!title.empty()) svg->text({middle, p.top - 10}, title, {.size = 14, .anchor = "middle", .bold = true});
  svg->text({middle, p.top + p.height + 38}, p.x.label, {.size = 13, .anchor = "middle"});
  const double side = p.left - std::clamp(numbers + 14, 52.0, 62.0);  // figures leave this much room
  svg->text({side, p.top + p.height / 2}, p.y.label, {.size = 13, .anchor = "middle", .rotate = -90});
}

void draw_curve(Svg* svg, const Panel& panel, const std::vector<Point2>& points, const Stroke& stroke) {
  std::vector<Point2> piece;
  const auto draw_piece = [&] {
    if (piece.size() == 1) {
      svg->marker(Marker::kCircle, piece.front(), kDotRadius, stroke.color);
    } else {
      svg->polyline(piece, stroke);
    }
    piece.clear();
  };
  for (const Point2& point : points) {
    const Point2 at = panel.at(point.x, point.y);
    if (std::isfinite(at.x) && std::isfinite(at.y)) {
      piece.push_back(at);
    } else {
      draw_piece();
    }
  }
  draw_piece();
}

double legend_height(double width, const std::vector<LegendEntry>& entries) {
  double column_width = 0;
  const std::size_t columns = legend_columns(width, entries, &column_width);
  return kLegendRow * static_cast<double>((entries.size() + columns - 1) / columns);
}

double draw_legend(Svg* svg, Point2 corner, double width, const std::vector<LegendEntry>& entries) {
  double column_width = 0;
  const std::size_t columns = legend_columns(width, entries, &column_width);
  for (std::size_t k = 0; k < entries.size(); ++k) {
    const LegendEntry& e = entries[k];
    const double x = corner.x + static_cast<double>(k % columns) * column_width;
    const double y = corner.y + kLegendRow * (static_cast<double>(k / columns) + 0.5);
    if (e.stroke.width > 0) svg->line({x, y}, {x + kLegendSample - 6, y}, e.stroke);
    if (e.has_marker) svg->marker(e.marker, {x + kLegendSample / 2 - 3, y}, 5, e.marker_color);
    svg->text({x + kLegendSample, y + 4}, shorten(e.name, kMaxNameChars), {.size = kTextSize});
  }
  return legend_height(width, entries);
}

double caption_height(double width, const std::string& text) {
  return text.empty() ? 0 : kCaptionRow * static_cast<double>(wrap(text, width).size());
}

double draw_caption(Svg* svg, Point2 corner, double width, const std::string& text) {
  double y = corner.y;
  for (const std::string& line : wrap(text, width)) {
    y += kCaptionRow;
    svg->text({corner.x, y - 4}, line, {.size = kTextSize, .color = "#333"});
  }
  return caption_height(width, text);
}

}  // namespace thalweg
