#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "io/atomic_file.h"
#include "report/assets.h"
#include "report/figure.h"
#include "report/page.h"
#include "report/summary.h"
#include "report/svg.h"

namespace thalweg {
namespace {

using nlohmann::json;

std::string value_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_structured()) {  // "train 50000, test 10000"; a list without names
    std::string text;
    for (const auto& [key, part] : value.items()) {
      text += (text.empty() ? "" : ", ") + (value.is_object() ? key + " " : std::string()) + value_text(part);
    }
    return text;
  }
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string pretty(const json& value) {
  return escape_xml(value.dump(2, ' ', false, json::error_handler_t::replace));
}

json member(const json& object, const char* key) {
  return object.is_object() ? object.value(key, json()) : json();
}

// A table of names and values; the values may be numbers, texts, or lists of them.
std::string fact_table(const std::string& caption, const std::vector<std::pair<std::string, std::string>>& facts) {
  if (facts.empty()) return "";
  std::string text = fmt::format("<div class=\"scroll\"><table><caption>{}</caption><tbody>\n", escape_xml(caption));
  for (const auto& [name, value] : facts) {
    text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape_xml(name), escape_xml(value));
  }
  return text + "</tbody></table></div>\n";
}

// The provenance's own keys in words; what is not listed shows under its key, so that nothing is hidden.
std::string fact_name(const std::string& key) {
  static const std::map<std::string, std::string> kNames = {{"bn", "Batch normalisation"},
                                                            {"bn_mode", "Batch normalisation"},
                                                            {"images", "Images used"},
                                                            {"num_images", "Images used"},
                                                            {"grid", "Grid"},
                                                            {"splits", "Splits"},
                                                            {"device", "Device"},
                                                            {"precision", "Precision"},
                                                            {"seconds", "Seconds"},
                                                            {"bn_images", "Images for batch-norm statistics"},
                                                            {"audit", "Audit against float32"}};
  const auto found = kNames.find(key);
  if (found != kNames.end()) return found->second;
  std::string name = key;
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::string variance_text(const json& shares) {
  std::string text;
  for (const json& share : shares) {
    if (!share.is_number()) return "";
    text += fmt::format("{}{:.1f} %", text.empty() ? "" : ", ", 100 * share.get<double>());
  }
  return text;
}

std::string findings_list(const ReportData& data) {
  std::string text;
  for (const std::string& finding : findings(data)) text += fmt::format("<li>{}</li>\n", escape_xml(finding));
  return text.empty() ? "" : "<ul class=\"findings\" aria-label=\"Findings\">\n" + text + "</ul>";
}

std::string subtitle(const ReportData& data) {
  std::string text;
  for (const char* key : {"version", "commit", "device", "seed"}) {
    const json value = member(data.provenance, key);
    if (!value.is_null()) text += fmt::format("{}{} {}", text.empty() ? "" : " · ", key, value_text(value));
  }
  return text.empty() ? "" : "<p class=\"subtitle\">" + escape_xml(text) + "</p>";
}

std::string surface_notes(const Surface& surface) {
  std::string text = minima_sentence(surface);
  if (const std::size_t bad = num_not_finite(surface); bad > 0) {
    text += fmt::format(" {} of {} grid points have a value that is not finite (NaN or inf); they are left open.", bad,
                        surface.x.size() * surface.y.size());
  }
  if (!surface.path.empty()) {
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
    text += fmt::format("<option value=\"{}\">{}: {} plane, {} × {} points</option>", k, k + 1,
                        escape_xml(kind.is_string() ? kind.get<std::string>() : "unnamed"), s.x.size(), s.y.size());
  }
  return text + "</select></label>";
}

// Off-plane distances, a row a run.
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
        escape_xml(path.front().run), path.size(), sum / static_cast<double>(path.size()), largest);
  }
  return text + "</tbody></table></div>\n";
}

std::string plane_section(const Surface& surface, std::size_t index) {
  std::vector<std::pair<std::string, std::string>> facts;
  const json &p = surface.provenance, landscape = member(p, "landscape");
  if (const json kind = member(p, "kind"); !kind.is_null()) facts.emplace_back("Plane", value_text(kind));
  const std::string explained = variance_text(member(p, "explained_variance"));
  const std::string walk = variance_text(member(p, "random_walk_variance"));
  if (!explained.empty()) facts.emplace_back("Variance explained by the axes", explained);
  if (!walk.empty()) facts.emplace_back("… of a random walk of the same length", walk);
  facts.emplace_back("Grid points", fmt::format("{} × {}", surface.x.size(), surface.y.size()));
  if (landscape.is_object()) {
    for (const auto& [key, value] : landscape.items()) facts.emplace_back(fact_name(key), value_text(value));
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

std::string map_section(const ReportData& data) {
  if (data.surfaces.empty()) return "";
  std::string notes, planes;
  for (std::size_t k = 0; k < data.surfaces.size(); ++k) {
    notes += fmt::format("<span data-surface=\"{}\"{}>{}</span>", k, k == 0 ? "" : " hidden",
                         escape_xml(surface_notes(data.surfaces[k])));
    planes += plane_section(data.surfaces[k], k);
  }
  return "<section aria-labelledby=\"h-map\">\n<h2 id=\"h-map\">Train and test loss on the plane</h2>\n<div "
         "class=\"controls\">" +
         surface_choice(data) +
         "<label><input type=\"checkbox\" id=\"log-color\"> logarithmic colour</label></div>\n<figure><div id=\"map\" "
         "class=\"plot wide\" role=\"img\" aria-label=\"Contour maps of train and test loss with the paths of training "
         "and "
         "both minima\"></div>\n<figcaption>" +
         notes +
         "</figcaption></figure>\n<h3>In three dimensions</h3>\n<div class=\"controls\"><fieldset><legend>Loss</legend>"
         "<label><input type=\"radio\" name=\"split\" value=\"train\"> train</label><label><input type=\"radio\" "
         "name=\"split\" value=\"test\"> test</label></fieldset></div>\n<figure><div id=\"space\" class=\"plot wide\" "
         "role=\"img\" aria-label=\"The loss as a surface over the plane, with the paths on it\"></div></figure>\n"
         "<h3>About this map</h3>\n" +
         planes + "</section>\n";
}

std::string cell(const std::optional<double>& value, double factor, int digits, bool best) {
  if (!value) return "<td class=\"number\">–</td>";
  return fmt::format("<td class=\"number{}\">{:.{}f}</td>", best ? " best" : "", factor * *value, digits);
}

std::optional<double> extreme(const std::vector<DecayRow>& rows, std::optional<double> DecayRow::*column, double sign) {
  std::optional<double> best;
  for (const DecayRow& row : rows) {
    const auto& value = row.*column;
    if (value && (!best || sign * *value < sign * *best)) best = value;
  }
  return best;
}

std::string decay_table(const ReportData& data, const std::vector<DecayRow>& rows) {
  const auto least_loss = extreme(rows, &DecayRow::test_loss, 1);
  const auto most_accuracy = extreme(rows, &DecayRow::test_accuracy, -1);
  std::string text =
      "<div class=\"scroll\"><table><caption>Where each run ended; best test values in bold with a "
      "star</caption><thead>"
      "<tr><th scope=\"col\">Run</th><th scope=\"col\" class=\"number\">Decay at epoch</th><th scope=\"col\" "
      "class=\"number\">Test loss</th><th scope=\"col\" class=\"number\">Test accuracy (%)</th><th scope=\"col\" "
      "class=\"number\">Train loss</th><th scope=\"col\" class=\"number\">Train accuracy "
      "(%)</th></tr></thead><tbody>\n";
  for (const DecayRow& row : rows) {
    const bool compare = rows.size() > 1;
    text += fmt::format(
        "<tr><th scope=\"row\"><span class=\"swatch\" style=\"background:{}\" aria-hidden=\"true\"></span>{}</th>"
        "<td class=\"number\">{}</td>{}{}{}{}</tr>\n",
        run_style(data, row.name).color, escape_xml(is_main(row.name) ? "main path" : row.name),
        row.fork_epoch ? fmt::format("{:.6g}", *row.fork_epoch) : "–",
        cell(row.test_loss, 1, 4, compare && row.test_loss && row.test_loss == least_loss),
        cell(row.test_accuracy, 100, 2, compare && row.test_accuracy && row.test_accuracy == most_accuracy),
        cell(row.train_loss, 1, 4, false), cell(row.train_accuracy, 100, 2, false));
  }
  return text + "</tbody></table></div>\n";
}

std::string decay_section(const ReportData& data) {
  const std::vector<DecayRow> rows = decay_rows(data);
  const bool any = std::any_of(rows.begin(), rows.end(), [](const DecayRow& r) {
    return r.test_loss || r.test_accuracy || r.train_loss || r.train_accuracy;
  });
  if (!any) return "";
  const bool plot = std::any_of(rows.begin(), rows.end(),
                                [](const DecayRow& r) { return r.fork_epoch && (r.test_loss || r.test_accuracy); });
  std::string text = "<section aria-labelledby=\"h-decay\">\n<h2 id=\"h-decay\">Decay time and generalisation</h2>\n";
  if (plot) {
    text +=
        "<figure><div id=\"decay\" class=\"plot\" role=\"img\" aria-label=\"Final test loss and accuracy against the "
        "epoch of decay; the numbers are in the table below\"></div></figure>\n";
  }
  return text + decay_table(data, rows) + "</section>\n";
}

std::string curve_section(const ReportData& data) {
  bool any = false, tested = false;
  for (const RunSeries& run : data.runs) {
    for (const EpochMetrics& m : run.epochs) {
      any = true;
      tested = tested || m.test_loss || m.test_accuracy;
    }
  }
  if (!any) return "";
  std::string text =
      "<section aria-labelledby=\"h-curves\">\n<h2 id=\"h-curves\">Training</h2>\n<div class=\"pair\">\n";
  const auto plot = [&](const char* id, const char* label) {
    text += fmt::format("<figure><div id=\"{}\" class=\"plot\" role=\"img\" aria-label=\"{}\"></div></figure>\n", id,
                        label);
  };
  plot("rate", "Learning rate by epoch");
  plot("train-loss", "Train loss by epoch");
  if (tested) plot("test-loss", "Test loss by epoch");
  if (tested) plot("test-accuracy", "Test accuracy by epoch");
  return text + "</div>\n</section>\n";
}

std::string source_section(const ReportData& data) {
  std::string text;
  const auto block = [&](const std::string& name, const json& value) {
    if (value.is_null() || value.empty()) return;
    text += fmt::format("<details><summary>{}</summary><pre>{}</pre></details>\n", name, pretty(value));
  };
  block("Configuration, as resolved", data.config);
  block("Provenance of the run", data.provenance);
  for (std::size_t k = 0; k < data.surfaces.size(); ++k) {
    block(fmt::format("Provenance of surface {}", k + 1), data.surfaces[k].provenance);
  }
  if (text.empty()) return "";
  return "<section aria-labelledby=\"h-source\">\n<h2 id=\"h-source\">Configuration and provenance</h2>\n" + text +
         "</section>\n";
}

// One pass: what is put in is not searched again, so "{{" in a name is only text.
std::string fill_in(std::string_view skeleton, const std::map<std::string, std::string_view>& parts) {
  std::string page;
  for (std::size_t at = 0; at < skeleton.size();) {
    const std::size_t open = skeleton.find("{{", at);
    page += skeleton.substr(at, open - at);
    if (open == std::string_view::npos) break;
    const std::size_t close = skeleton.find("}}", open);
    page += parts.at(std::string(skeleton.substr(open + 2, close - open - 2)));
    at = close + 2;
  }
  return page;
}

}  // namespace

std::string page_text(const ReportData& data) {
  const std::string title = escape_xml(data.title), about = subtitle(data), headline = findings_list(data);
  const std::string sections = map_section(data) + decay_section(data) + curve_section(data) + source_section(data);
  const std::string numbers = page_data(data);
  return fill_in(page_html(), {{"title", title},
                               {"subtitle", about},
                               {"findings", headline},
                               {"sections", sections},
                               {"data", numbers},
                               {"style", page_css()},
                               {"plotly", plotly_js()},
                               {"script", page_js()}});
}

std::vector<std::filesystem::path> write_report(const std::filesystem::path& folder, const ReportData& data) {
  std::vector<std::filesystem::path> written{folder / "report.html"};
  write_file_atomically(written[0], page_text(data));
  std::vector<Figure> figures = surface_figures(data);
  for (Figure& figure : curve_figures(data)) figures.push_back(std::move(figure));
  for (const Figure& figure : figures) {
    written.push_back(folder / "figures" / figure.name);
    write_file_atomically(written.back(), figure.svg);
  }
  return written;
}

}  // namespace thalweg
