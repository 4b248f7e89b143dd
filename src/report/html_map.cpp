#include <algorithm>
#include <cctype>
#include <map>

#include "base/error.h"
#include "io/json_member.h"
#include "report/html_text.h"
#include "report/map_notes.h"
#include "report/map_paths.h"
#include "report/map_plane.h"
#include "report/minima.h"
#include "report/page.h"
#include "report/run_style.h"
#include "report/svg.h"

namespace thalweg {
namespace {

using nlohmann::json;

// Readable names of provenance keys. Keys not listed are shown too, derived from the key, so nothing is hidden.
std::string fact_name(const std::string& key) {
  static const std::map<std::string, std::string> kNames = {{"bn", "Batch normalisation"},
                                                            {"images", "Images used"},
                                                            {"grid", "Grid"},
                                                            {"splits", "Splits"},
                                                            {"device", "Device"},
                                                            {"precision", "Precision"},
                                                            {"seconds", "Seconds"},
                                                            {"bn_images", "Images for batch-norm statistics"},
                                                            {"stderr", "Standard error asked for (nats)"},
                                                            {"tolerance", "Tolerance asked for"},
                                                            {"budget", "Time budget (seconds)"}};
  const auto found = kNames.find(key);
  if (found != kNames.end()) return found->second;
  std::string name = key;
  std::replace(name.begin(), name.end(), '_', ' ');
  if (!name.empty()) name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name;
}

// Whether the sentence below the map covers it or the setting is off; the end of the page has the full provenance.
bool is_told_elsewhere(const json& landscape, const std::string& key) {
  const json& value = landscape.at(key);
  if (key == "adaptive" || key == "audit" || key == "unfinished") return true;
  if (key == "images" || key == "stderr") return value == 0;
  if (key == "tolerance") return value == "";
  if (key == "image_losses") return value == false;
  return (key == "audit_points" || key == "max_deviation") && member(landscape, "precision") == "float32";
}

std::string variance_text(const json& shares) {
  std::string text;
  for (const json& share : shares) {
    if (!share.is_number()) return "";
    text += fmt::format("{}{:.1f} %", text.empty() ? "" : ", ", 100 * share.get<double>());
  }
  return text;
}

std::string surface_notes(const Surface& surface) {
  std::string text = minima_sentence(surface);
  if (const std::size_t bad = num_not_finite(surface); bad > 0) {
    text += fmt::format(" {} of {} grid points have a value that is not finite (NaN or inf); they are left blank.", bad,
                        surface.x.size() * surface.y.size());
  }
  if (!surface.path.empty() && !is_one_row(surface)) {
    text +=
        " Path points that are far from the plane are fainter; hover over a point for its step, epoch, learning "
        "rate and distance from the plane.";
  }
  return text;
}

std::string surface_choice(const ReportData& data) {
  if (data.surfaces.size() < 2) return "";
  std::string text = "<label>Surface <select id=\"surface-choice\">";
  for (std::size_t k = 0; k < data.surfaces.size(); ++k) {
    const Surface& s = data.surfaces[k];
    const json kind = member(s.provenance, "kind");
    const std::string name = kind.is_string() ? kind.get<std::string>() : "unnamed";
    const json window = member(s.provenance, "window");
    const std::string part =
        window.is_object() ? fmt::format(", window {} of {}", window.at("number").dump(), window.at("of").dump()) : "";
    text += fmt::format("<option value=\"{}\">{}: {}{}, {} × {} points{}</option>", k,
                        s.file.empty() ? std::to_string(k + 1) : escape_xml(s.file),
                        escape_xml(name == "line" ? name : name + " plane"), part, s.x.size(), s.y.size(),
                        needs_warning(s) ? " (!)" : "");
  }
  return text + "</select></label>";
}

// The note below the plot on how the values were obtained, emphasised if it is a warning.
std::string origin_note(const Surface& surface, std::size_t index) {
  const std::string text = how_values_came(surface);
  if (text.empty()) return "";
  return fmt::format("<p class=\"origin{}\" data-surface=\"{}\"{}>{}</p>\n", needs_warning(surface) ? " warning" : "",
                     index, index == 0 ? "" : " hidden", escape_xml(text));
}

// A table of off-plane distances, one row per run.
std::string path_table(const Surface& surface) {
  if (surface.path.empty()) return "";
  std::string text =
      "<div class=\"scroll\"><table><caption>Distance of the snapshots from the plane (a snapshot far from the plane "
      "is "
      "not where the map shows it)</caption><thead><tr><th scope=\"col\">Path</th><th scope=\"col\" class=\"number\">"
      "Snapshots</th><th scope=\"col\" class=\"number\">Mean</th><th scope=\"col\" class=\"number\">Largest</th>"
      "</tr></thead><tbody>\n";
  for (const auto& path : paths_by_run(surface)) {
    double sum = 0, largest = 0;
    for (const PathPoint& p : path) {
      sum += p.off_plane;
      largest = std::max(largest, p.off_plane);
    }
    text += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"number\">{:.4g}</td><td class=\"number\">"
        "{:.4g}</td></tr>\n",
        escape_xml(run_label(split_run_name(path.front().run))), path.size(), sum / static_cast<double>(path.size()),
        largest);
  }
  return text + "</tbody></table></div>\n";
}

// Handles {"none": WHY}, from a checkpoint that the origin was not compared with (landscape/audit.h).
std::string fact_text(const json& value) {
  const json why = member(value, "none");
  return why.is_string() ? "not compared: " + why.get<std::string>() : value_text(value);
}

// The range "-1.2345678:2,0:1" without excess digits, which the file keeps.
std::string range_text(const Surface& surface) {
  return fmt::format("{:.4g} to {:.4g}, {:.4g} to {:.4g}", surface.x.front(), surface.x.back(), surface.y.front(),
                     surface.y.back());
}

std::string plane_section(const Surface& surface, std::size_t index) {
  std::vector<std::pair<std::string, std::string>> facts;
  const json &p = surface.provenance, landscape = member(p, "landscape");
  if (!surface.file.empty()) facts.emplace_back("File", surface.file);
  if (const json kind = member(p, "kind"); !kind.is_null()) facts.emplace_back("Plane", value_text(kind));
  const std::string explained = variance_text(member(p, "explained_variance"));
  const std::string walk = variance_text(member(p, "random_walk_variance"));
  if (!explained.empty()) facts.emplace_back("Variance explained by the axes", explained);
  if (!walk.empty()) facts.emplace_back("… of a random walk of the same length", walk);
  facts.emplace_back("Grid points", fmt::format("{} × {}", surface.x.size(), surface.y.size()));
  if (landscape.is_object()) {
    for (const auto& [key, value] : landscape.items()) {
      if (!is_told_elsewhere(landscape, key))
        facts.emplace_back(fact_name(key), key == "range" ? range_text(surface) : fact_text(value));
    }
  }
  facts.emplace_back("Grid points that are not finite", fmt::format("{}", num_not_finite(surface)));
  std::string text = fmt::format("<div data-surface=\"{}\"{}>\n", index, index == 0 ? "" : " hidden");
  text += fact_table("How the map was made", facts);
  if (!explained.empty() && !walk.empty()) {
    text +=
        "<p class=\"note\">Two axes explain much of the variance even of a random walk, so a large share alone does "
        "not show that the training stayed in a plane.</p>\n";
  }
  return text + path_table(surface) + "</div>\n";
}

// Elements that page_map.js fills and listens to.
constexpr const char* kControls =
    "<label>Show <select id=\"value-choice\"></select></label>"
    "<label><input type=\"checkbox\" id=\"log-color\"> logarithmic</label>"
    "<label id=\"exact-choice\"><input type=\"checkbox\" id=\"show-exact\"> how values were obtained</label>";
constexpr const char* kMapFigure =
    "<figure><div id=\"map\" class=\"plot wide\" role=\"img\" aria-label=\"The chosen values over the plane or along "
    "the line, with the paths of training and both minima\"></div>";
constexpr const char* kSpace =
    "<div id=\"space-part\">\n<h3>In three dimensions</h3>\n<div class=\"controls\" "
    "id=\"split-choice\"><fieldset><legend>Images</legend>"
    "<label><input type=\"radio\" name=\"split\" value=\"train\"> train</label><label><input type=\"radio\" "
    "name=\"split\" value=\"test\"> test</label></fieldset></div>\n<figure><div id=\"space\" class=\"plot wide\" "
    "role=\"img\" aria-label=\"The chosen values as a surface over the plane, with the paths on it\"></div></figure>\n"
    "</div>\n";

}  // namespace

std::string map_section(const ReportData& data) {
  if (data.surfaces.empty()) return "";
  std::string origins, notes, planes;
  for (std::size_t k = 0; k < data.surfaces.size(); ++k) {
    origins += origin_note(data.surfaces[k], k);
    notes += fmt::format("<span data-surface=\"{}\"{}>{}</span>", k, k == 0 ? "" : " hidden",
                         escape_xml(surface_notes(data.surfaces[k])));
    planes += plane_section(data.surfaces[k], k);
  }
  return fmt::format(
      "<section aria-labelledby=\"h-map\">\n<h2 id=\"h-map\">The loss landscape</h2>\n<div "
      "class=\"controls\">{}{}</div>\n{}<figcaption>\n{}{}<span "
      "id=\"left-out\"></span></figcaption></figure>\n{}<h3>About "
      "this map</h3>\n{}</section>\n",
      surface_choice(data), kControls, kMapFigure, origins, notes, kSpace, planes);
}

}  // namespace thalweg
