#include "report/window_maps.h"

#include <cmath>
#include <map>

#include "base/error.h"
#include "io/json_member.h"
#include "report/levels.h"
#include "report/map_notes.h"
#include "report/map_plane.h"
#include "report/minima.h"
#include "report/svg.h"

namespace thalweg {
namespace {

using nlohmann::json;

json window_of(const Surface& surface) {
  return member(surface.provenance, "window");
}

double number_of(const json& window, const char* key) {
  return window.at(key).get<double>();
}

double percent(const json& shares) {
  double sum = 0;
  for (const json& share : shares) sum += share.get<double>();
  return 100 * sum;
}

std::string warning_of(const Surface& surface) {
  if (is_unfinished(surface)) return " (unfinished)";
  return needs_warning(surface) ? " (not certified)" : "";
}

std::string row_of(const WindowMaps& maps, std::size_t index) {
  const Surface& surface = *maps.surfaces[index];
  const json window = window_of(surface);
  const auto cell = [](const std::string& text) { return "<td class=\"number\">" + text + "</td>"; };
  std::string text = "<tr><th scope=\"row\">" + maps.about(index) + warning_of(surface) + "</th>" +
                     cell(member(surface.provenance, "num_snapshots").dump());
  text += cell(fmt::format("{:.1f} %", percent(surface.provenance.at("explained_variance"))));
  text += cell(fmt::format("{:.1f} %", percent(surface.provenance.at("random_walk_variance"))));
  text += cell(fmt::format("{:.4g}", number_of(window, "rms_off_plane")));
  text += cell(fmt::format("{:.4g}", number_of(window, "one_plane_rms_off_plane")));
  const Minima minima = find_minima(surface);
  for (const auto& minimum : {minima.train, minima.test}) {
    text += cell(minimum ? fmt::format("{:.4g}", minimum->value) : "");
  }
  return text + "</tr>\n";
}

std::string table_of(const WindowMaps& maps) {
  std::string text =
      "<div class=\"scroll\"><table><caption>The planes of the windows: the share of the variance that each explains, "
      "for its snapshots and for a random walk, and the distance of its snapshots from it and from one plane of the "
      "whole path (root mean square, in weight space)</caption><thead><tr><th scope=\"col\">Window</th>";
  for (const char* name : {"Snapshots", "Explained", "Random walk", "Off its plane", "Off one plane", "Min. train loss",
                           "Min. test loss"}) {
    text += fmt::format("<th scope=\"col\" class=\"number\">{}</th>", name);
  }
  text += "</tr></thead><tbody>\n";
  for (std::size_t k = 0; k < maps.surfaces.size(); ++k) text += row_of(maps, k);
  return text + "</tbody></table></div>\n";
}

}  // namespace

bool is_of_window(const Surface& surface) {
  return window_of(surface).is_object();
}

std::string WindowMaps::about(std::size_t index) const {
  const json window = window_of(*surfaces[index]);
  return fmt::format("Window {}, epochs {} to {}", window.at("number").get<int>(),
                     short_number(number_of(window, "first_epoch")), short_number(number_of(window, "last_epoch")));
}

std::string WindowMaps::explained_sentence() const {
  const json first = window_of(*surfaces.front());
  std::string text = fmt::format("One plane of the whole path of {} explains {:.1f} % of its variance",
                                 first.at("run").get<std::string>(), percent(first.at("one_plane_explained_variance")));
  if (surfaces.size() < of) return text + fmt::format("; {} of {} windows are mapped so far.", surfaces.size(), of);
  double squares = 0, snapshots = 0;
  for (const Surface* surface : surfaces) {
    const double count = member(surface->provenance, "num_snapshots").get<double>();
    squares += count * std::pow(number_of(window_of(*surface), "rms_off_plane"), 2);
    snapshots += count;
  }
  const double left = squares / snapshots / std::pow(number_of(first, "rms_spread"), 2);
  return text + fmt::format(", and the planes of its {} windows together explain {:.1f} %.", of, 100 * (1 - left));
}

std::vector<WindowMaps> window_maps(const ReportData& data) {
  std::map<std::size_t, std::map<int, const Surface*>> by_count;
  for (const Surface& surface : data.surfaces) {
    const json window = window_of(surface);
    const Minima minima = find_minima(surface);
    if (!window.is_object() || is_one_row(surface) || (!minima.train && !minima.test)) continue;
    by_count[window.at("of").get<std::size_t>()].emplace(window.at("number").get<int>(), &surface);
  }
  std::vector<WindowMaps> out;
  for (const auto& [of, surfaces] : by_count) {
    out.push_back({{}, of});
    for (const auto& [number, surface] : surfaces) out.back().surfaces.push_back(surface);
  }
  return out;
}

std::string window_section(const ReportData& data) {
  std::string text;
  for (const WindowMaps& maps : window_maps(data)) {
    text += fmt::format("<p>{}</p>\n<figure>{}</figure>\n{}", escape_xml(maps.explained_sentence()),
                        window_figure(data, maps), table_of(maps));
  }
  if (text.empty()) return "";
  return "<section aria-labelledby=\"h-windows\">\n<h2 id=\"h-windows\">Along the path</h2>\n" + text + "</section>\n";
}

}  // namespace thalweg
