// A small SVG writer for elements and escaping; it knows nothing of plots. Coordinates are in pixels, y downwards.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/contour.h"

namespace thalweg {

struct Stroke {
  std::string color = "#222";
  double width = 1;
  std::string dash;  // "4 3"; empty: solid
  double opacity = 1;
};

struct TextStyle {
  double size = 12;
  std::string anchor = "start";  // or "middle", "end"
  std::string color = "#222";
  bool bold = false;
  double rotate = 0;  // degrees about the anchor
};

enum class Marker { kCircle, kRing, kSquare, kStar, kCross, kDiamond, kTriangle };

class Svg {
 public:
  // `title` and `description` are read out by screen readers.
  Svg(double width, double height, std::string_view title, std::string_view description);

  void line(Point2 a, Point2 b, const Stroke& stroke);
  void polyline(const std::vector<Point2>& points, const Stroke& stroke, bool closed = false);
  // Fills closed rings by the even-odd rule.
  void fill(const std::vector<Polyline>& rings, std::string_view color);
  void rect(Point2 corner, double width, double height, std::string_view fill, const Stroke& stroke);
  void marker(Marker kind, Point2 at, double radius, std::string_view color, std::string_view title = "");
  void text(Point2 at, std::string_view text, const TextStyle& style);
  // Whatever is drawn until end_clip() is clipped to the rectangle.
  void begin_clip(Point2 corner, double width, double height);
  void end_clip();
  std::string finish() const;

 private:
  void path(const std::vector<Polyline>& lines, std::string_view attributes);

  std::string body_;
  std::string id_;  // from the title; several figures may share a page
  int num_clips_ = 0;
};

// Escapes text for XML and HTML: replaces the five special characters and drops control characters other than \n and
// \t.
std::string escape_xml(std::string_view text);
// Shortens the text to `max_chars` characters (not bytes), with an ellipsis in the middle: names often differ at their
// end.
std::string shorten(std::string_view text, std::size_t max_chars);
// A generous estimate of the width in pixels, for a generic sans-serif font.
double text_width(std::string_view text, double size);

}  // namespace thalweg
