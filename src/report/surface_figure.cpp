#include <algorithm>
#include <limits>

#include "base/error.h"
#include "io/atomic_file.h"
#include "report/color_bar.h"
#include "report/figure.h"
#include "report/line_figure.h"
#include "report/map_notes.h"
#include "report/map_panel.h"
#include "report/map_paths.h"
#include "report/map_plane.h"
#include "report/map_values.h"
#include "report/minima.h"
#include "report/window_maps.h"

namespace thalweg {
namespace {

constexpr double kWidth = 1000;
constexpr double kLeft = 72;
constexpr double kTop = 34;
constexpr double kPanelGap = 52;  // room for the numbers of the right panel's y axis
constexpr std::size_t kMaxLevels = 24;

Axis map_axis(const std::vector<double>& coordinates, std::string label) {
  return {coordinates.front(), coordinates.back(), false, std::move(label)};
}

// Both axes have the same unit and get the same scale, unless the panel's shape would become extreme.
double panel_height(const Surface& surface, double width) {
  const double dx = surface.x.back() - surface.x.front(), dy = surface.y.back() - surface.y.front();
  return width * std::clamp(dy / dx, 0.62, 1.05);
}

bool same_scale(const Surface& surface) {
  const double dx = surface.x.back() - surface.x.front(), dy = surface.y.back() - surface.y.front();
  return dy / dx >= 0.62 && dy / dx <= 1.05;
}

std::string caption(const Map& map, const MapValue& value) {
  const Surface& s = map.surface;
  std::string text = minima_sentence(s);
  if (value.shade == Shade::kDiverging) {
    text += " Red: the loss is larger on the test images; blue: on the training images.";
  }
  if (const std::string marks = marks_sentence(s); !marks.empty()) text += " " + marks;
  const auto outside = std::count_if(s.path.begin(), s.path.end(), [&](const PathPoint& p) {
    return p.x < s.x.front() || p.x > s.x.back() || p.y < s.y.front() || p.y > s.y.back();
  });
  const auto far = std::count_if(s.path.begin(), s.path.end(),
                                 [&](const PathPoint& p) { return p.off_plane > map.off_plane_limit; });
  if (const std::string how = how_values_came(s); !how.empty()) text += " " + how;
  if (const std::size_t missing = count_cells(s)[static_cast<std::size_t>(Cell::kMissing)]; missing > 0) {
    text += fmt::format(" Grey: cells next to {} grid point{} not evaluated yet.", missing, missing == 1 ? "" : "s");
  }
  if (const std::size_t bad = num_not_finite(s); bad > 0) {
    text += fmt::format(" Grey: cells next to {} grid point{} without a finite value.", bad, bad == 1 ? "" : "s");
  }
  if (outside > 0) text += fmt::format(" {} of {} path points lie outside the map.", outside, s.path.size());
  if (far > 0) text += " Fainter: parts of the paths that are far from the plane.";
  if (!same_scale(s)) text += " The two axes are not to the same scale.";
  return text;
}

std::string surface_figure(const ReportData& data, const Surface& surface, const MapValue& value) {
  const Map map{data,
                surface,
                scale_of(value, kMaxLevels),
                value.shade == Shade::kDiverging ? diverging_color : map_color,
                find_minima(surface),
                paths_by_run(surface),
                off_plane_limit(surface)};
  const double panel_width = (kWidth - kLeft - kColorBarSpace - kPanelGap) / 2;
  const double width = value.panels.size() == 2 ? kWidth : kWidth - panel_width - kPanelGap;
  const double height = panel_height(surface, panel_width), text_width = width - kLeft - 20;
  const std::vector<LegendEntry> entries = map_legend(map);
  const std::string words = caption(map, value);
  const double legend_top = kTop + height + 52;
  const double total = legend_top + legend_height(text_width, entries) + 8 + caption_height(text_width, words) + 12;
  Svg svg(width, total,
          fmt::format("{}: {} on the plane{}", data.title, value.name, surface.file.empty() ? "" : ", " + surface.file),
          words);
  for (std::size_t k = 0; k < value.panels.size(); ++k) {
    Panel panel{kLeft + static_cast<double>(k) * (panel_width + kPanelGap),
                kTop,
                panel_width,
                height,
                map_axis(surface.x, plane_axis_label(surface, 0)),
                map_axis(surface.y, "")};
    if (k == 0) panel.y.label = plane_axis_label(surface, 1);
    draw_map_panel(&svg, map, panel, value.panels[k]);
  }
  draw_color_bar(&svg, map.scale, {width - kColorBarSpace + 12, kTop}, height,
                 value.name == "Loss" ? data.loss_label : fmt::format("{} ({})", value.name, value.unit), map.color);
  const double used = draw_legend(&svg, {kLeft, legend_top}, text_width, entries);
  draw_caption(&svg, {kLeft, legend_top + used + 8}, text_width, words);
  return svg.finish();
}

// "surface-gap.svg"; for another surface than the first one "surface-NAME-gap.svg", after its file NAME.h5, or
// "surface-2-gap.svg" if it has none or a very long one.
std::string figure_name(const std::string& kind, std::size_t number, const Surface& surface, const std::string& what) {
  if (number == 1) return fmt::format("{}-{}.svg", kind, what);
  constexpr std::size_t kLongestName = 100;
  const bool by_file = !surface.file.empty() && surface.file.size() <= kLongestName;
  const std::string name = by_file ? surface.file.substr(0, surface.file.rfind('.')) : std::to_string(number);
  return fmt::format("{}-{}-{}.svg", kind, name, what);
}

}  // namespace

std::string map_figure(const ReportData& data, const Surface& surface) {
  const Minima minima = find_minima(surface);
  if (!minima.train && !minima.test) return "";
  if (is_one_row(surface)) return line_figure(data, surface);
  std::size_t left_out = 0;
  for (const MapValue& value : map_values(surface, 0, &left_out)) {
    if (value.name == "Loss") return surface_figure(data, surface, value);
  }
  return "";
}

void check_map_figure(const std::filesystem::path& file) {
  const std::string svg = read_file(file);
  const bool is_map = svg.find(": Loss on the plane</title>") != std::string::npos ||
                      svg.find(": loss along a line</title>") != std::string::npos;
  check(is_map, "{} is not a figure of a map", file.string());
}

std::vector<Figure> surface_figures(const ReportData& data) {
  std::vector<Figure> figures;
  std::size_t maps = 0, lines = 0, left_out = 0;
  for (const Surface& surface : data.surfaces) {
    const Minima minima = find_minima(surface);
    if (is_of_window(surface) || (!minima.train && !minima.test)) continue;
    if (is_one_row(surface)) {
      figures.push_back({figure_name("line", ++lines, surface, "train-test"), line_figure(data, surface)});
      continue;
    }
    ++maps;
    for (const MapValue& value : map_values(surface, std::numeric_limits<std::size_t>::max(), &left_out)) {
      const bool gap = value.panels.front().key == "gap_loss";
      if (!gap && value.name != "Loss") continue;
      figures.push_back(
          {figure_name("surface", maps, surface, gap ? "gap" : "train-test"), surface_figure(data, surface, value)});
    }
  }
  return figures;
}

}  // namespace thalweg
