// The parts of the HTML page. Everything they return is safe to put where it belongs: text escaped, JSON without "<".
#pragma once

#include <string>

#include "report/report.h"

namespace thalweg {

// What the page's scripts draw, as JSON text for a script element. NaN and inf become null.
std::string page_data(const ReportData& data);
// HTML sections; each is empty where its data is not there.
std::string map_section(const ReportData& data);
std::string decay_section(const ReportData& data);
std::string curve_section(const ReportData& data);
// A page without scripts and plots.
struct PageParts {
  std::string title;     // as text
  std::string sections;  // HTML
};
std::string static_page(const PageParts& parts);
// The whole page of one experiment or run.
std::string page_text(const ReportData& data);

}  // namespace thalweg
