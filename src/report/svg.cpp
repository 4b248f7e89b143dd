#include "report/svg.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "base/digest.h"
#include "base/error.h"

namespace thalweg {
namespace {

std::string stroke_attributes(const Stroke& s) {
  std::string text = fmt::format("stroke=\"{}\" stroke-width=\"{:.4g}\"", s.color, s.width);
  if (!s.dash.empty()) text += fmt::format(" stroke-dasharray=\"{}\"", s.dash);
  if (s.opacity < 1) text += fmt::format(" stroke-opacity=\"{:.3g}\"", s.opacity);
  return text;
}

// Rounds to hundredths of a pixel, which keeps files short.
std::string number(double v) {
  std::string text = fmt::format("{:.2f}", v);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::vector<Point2> star(Point2 at, double radius) {
  std::vector<Point2> points;
  for (int k = 0; k < 10; ++k) {  // standing on two feet
    const double r = radius * (k % 2 == 0 ? 1.25 : 0.56), angle = std::numbers::pi * (2.0 * k / 10 - 0.5);
    points.push_back({at.x + r * std::cos(angle), at.y + r * std::sin(angle)});
  }
  return points;
}

// An upright cross with arms of half-width w and length l, turned by 45 degrees.
std::vector<Point2> cross(Point2 at, double radius) {
  const double w = 0.32 * radius, l = 1.15 * radius, turn = std::sqrt(0.5);
  std::vector<Point2> points;
  for (const auto& [x, y] : {std::pair{w, l},
                             {w, w},
                             {l, w},
                             {l, -w},
                             {w, -w},
                             {w, -l},
                             {-w, -l},
                             {-w, -w},
                             {-l, -w},
                             {-l, w},
                             {-w, w},
                             {-w, l}}) {
    points.push_back({at.x + turn * (x - y), at.y + turn * (x + y)});
  }
  return points;
}

// The corners of the marker kinds that have them, except the square.
std::vector<Point2> corners(Marker kind, Point2 at, double radius) {
  const double r = 1.25 * radius;
  if (kind == Marker::kStar) return star(at, radius);
  if (kind == Marker::kCross) return cross(at, radius);
  if (kind == Marker::kDiamond) return {{at.x, at.y - r}, {at.x + r, at.y}, {at.x, at.y + r}, {at.x - r, at.y}};
  return {{at.x, at.y - r}, {at.x + r, at.y + 0.8 * r}, {at.x - r, at.y + 0.8 * r}};
}

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

std::string shorten(std::string_view text, std::size_t max_chars) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!continues_character(text[i])) starts.push_back(i);
  }
  if (starts.size() <= max_chars || max_chars == 0) return std::string(text);
  const std::size_t tail = (max_chars - 1) / 2, head = max_chars - 1 - tail;
  std::string out = std::string(text.substr(0, starts[head])) + "…";
  if (tail > 0) out += text.substr(starts[starts.size() - tail]);
  return out;
}

double text_width(std::string_view text, double size) {
  double width = 0;
  for (const char c : text) {
    if (continues_character(c)) continue;
    const bool narrow = std::string_view("iIl.,:;'|!()[] tfj1").find(c) != std::string_view::npos;
    const bool wide = (c >= 'A' && c <= 'Z') || c == 'm' || c == 'w' || c == '%' || c == '@';
    width += narrow ? 0.36 : wide ? 0.76 : 0.6;
  }
  return width * size;
}

Svg::Svg(double width, double height, std::string_view title, std::string_view description)
    : id_(sha256_of(title).substr(0, 8)) {
  body_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" "
      "aria-labelledby=\"title-{4} desc-{4}\" font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', "
      "sans-serif\">\n"
      "<title id=\"title-{4}\">{2}</title>\n<desc id=\"desc-{4}\">{3}</desc>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      number(width), number(height), escape_xml(title), escape_xml(description), id_);
}

void Svg::line(Point2 a, Point2 b, const Stroke& stroke) {
  body_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {}/>\n", number(a.x), number(a.y), number(b.x),
                       number(b.y), stroke_attributes(stroke));
}

void Svg::path(const std::vector<Polyline>& lines, std::string_view attributes) {
  body_ += "<path d=\"";
  for (const Polyline& line : lines) {
    for (std::size_t i = 0; i < line.points.size(); ++i) {
      body_ += fmt::format("{}{} {}",
                           i == 0   ? "M"
                           : i == 1 ? "L"
                                    : " ",
                           number(line.points[i].x), number(line.points[i].y));
    }
    if (line.closed) body_ += 'Z';
  }
  body_ += fmt::format("\" {}/>\n", attributes);
}

void Svg::polyline(const std::vector<Point2>& points, const Stroke& stroke, bool closed) {
  if (points.size() < 2) return;
  path({{points, closed}},
       "fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\" " + stroke_attributes(stroke));
}

void Svg::fill(const std::vector<Polyline>& rings, std::string_view color) {
  if (!rings.empty()) path(rings, fmt::format("fill=\"{}\" fill-rule=\"evenodd\"", color));
}

void Svg::rect(Point2 corner, double width, double height, std::string_view fill, const Stroke& stroke) {
  body_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" {}/>\n", number(corner.x),
                       number(corner.y), number(width), number(height), fill, stroke_attributes(stroke));
}

void Svg::marker(Marker kind, Point2 at, double radius, std::string_view color, std::string_view title) {
  const std::string look = fmt::format("fill=\"{}\" stroke=\"#fff\" stroke-width=\"1.2\"", color);
  if (!title.empty()) body_ += "<g><title>" + escape_xml(title) + "</title>";
  if (kind == Marker::kCircle || kind == Marker::kRing) {
    const std::string ring = fmt::format("fill=\"#fff\" stroke=\"{}\" stroke-width=\"2\"", color);
    body_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {}/>\n", number(at.x), number(at.y), number(radius),
                         kind == Marker::kRing ? ring : look);
  } else if (kind == Marker::kSquare) {
    body_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}/>\n", number(at.x - radius),
                         number(at.y - radius), number(2 * radius), number(2 * radius), look);
  } else {
    path({{corners(kind, at, radius), true}},
         fmt::format("fill=\"{}\" stroke=\"#000\" stroke-width=\"1.4\" stroke-linejoin=\"round\"", color));
  }
  if (!title.empty()) body_ += "</g>\n";
}

void Svg::text(Point2 at, std::string_view text, const TextStyle& style) {
  std::string extra;
  if (style.bold) extra += " font-weight=\"bold\"";
  if (style.rotate != 0) {
    extra += fmt::format(" transform=\"rotate({} {} {})\"", style.rotate, number(at.x), number(at.y));
  }
  body_ +=
      fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{}\" fill=\"{}\"{}>{}</text>\n", number(at.x),
                  number(at.y), number(style.size), style.anchor, style.color, extra, escape_xml(text));
}

void Svg::begin_clip(Point2 corner, double width, double height) {
  const std::string id = fmt::format("clip-{}-{}", id_, num_clips_++);
  body_ += fmt::format(
      "<clipPath id=\"{0}\"><rect x=\"{1}\" y=\"{2}\" width=\"{3}\" height=\"{4}\"/></clipPath>\n"
      "<g clip-path=\"url(#{0})\">\n",
      id, number(corner.x), number(corner.y), number(width), number(height));
}

void Svg::end_clip() {
  body_ += "</g>\n";
}

std::string Svg::finish() const {
  return body_ + "</svg>\n";
}

}  // namespace thalweg
