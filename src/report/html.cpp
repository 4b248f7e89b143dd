#include <map>

#include "base/error.h"
#include "io/atomic_file.h"
#include "io/json_member.h"
#include "report/assets.h"
#include "report/end_lines.h"
#include "report/figure.h"
#include "report/html_text.h"
#include "report/page.h"
#include "report/study.h"
#include "report/summary.h"
#include "report/svg.h"
#include "report/window_maps.h"

namespace thalweg {
namespace {

using nlohmann::json;

std::string pretty(const json& value) {
  return escape_xml(value.dump(2, ' ', false, json::error_handler_t::replace));
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

// Claims about decay times need several of them to compare.
std::string claims_of_page(const ReportData& data) {
  if (data.runs.size() < 3) return "";
  const Results results{data.title, data.config, data.provenance, {data}};
  return claims_section({results});
}

// Fills in all parts in one pass: inserted text is not searched again, so "{{" in a name stays text.
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
  const std::string sections = map_section(data) + window_section(data) + decay_section(data) +
                               end_lines_section(data) + claims_of_page(data) + curve_section(data) +
                               source_section(data);
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

std::string static_page(const PageParts& parts) {
  const std::string title = escape_xml(parts.title);
  return fill_in(page_html(), {{"title", title},
                               {"subtitle", ""},
                               {"findings", ""},
                               {"sections", parts.sections},
                               {"data", "null"},
                               {"style", page_css()},
                               {"plotly", ""},
                               {"script", ""}});
}

std::vector<std::filesystem::path> write_report(const std::filesystem::path& folder, const ReportData& data) {
  std::vector<std::filesystem::path> written{folder / "report.html"};
  write_file_atomically(written[0], page_text(data));
  std::vector<Figure> figures = surface_figures(data);
  for (const WindowMaps& maps : window_maps(data)) {
    figures.push_back({fmt::format("surface-windows-{}.svg", maps.of), window_figure(data, maps)});
  }
  if (const auto lines = end_lines(data)) figures.push_back({"end-lines.svg", end_lines_figure(data, *lines)});
  for (Figure& figure : curve_figures(data)) figures.push_back(std::move(figure));
  for (const Figure& figure : figures) {
    written.push_back(folder / "figures" / figure.name);
    write_file_atomically(written.back(), figure.svg);
  }
  return written;
}

}  // namespace thalweg
