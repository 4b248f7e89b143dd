// The parts of the HTML page. All results can be inserted as they are: text is escaped, JSON contains no "<".
#pragma once

#include <string>

#include "report/report.h"

namespace thalweg {

// The data for the page's scripts, as JSON text for a script element. NaN and inf become null.
std::string page_data(const ReportData& data);
// HTML sections; each is empty if its data do not exist.
std::string map_section(const ReportData& data);
std::string decay_section(const ReportData& data);
std::string curve_section(const ReportData& data);
// A page without scripts and interactive plots.
struct PageParts {
  std::string title;     // plain text
  std::string sections;  // HTML
};
std::string static_page(const PageParts& parts);
// The complete page of one experiment or run.
std::string page_text(const ReportData& data);

}  // namespace thalweg
