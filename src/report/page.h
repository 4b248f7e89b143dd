// The parts of the HTML page. Everything they return is safe to put where it belongs: text escaped, JSON without "<".
#pragma once

#include <string>

#include "report/report.h"

namespace thalweg {

// What page.js draws, as JSON text for a script element. NaN and inf become null.
std::string page_data(const ReportData& data);
// The whole page.
std::string page_text(const ReportData& data);

}  // namespace thalweg
