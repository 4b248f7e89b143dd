// The names and styles of runs in texts, tables and figures.
#pragma once

#include <string>

#include "report/colors.h"
#include "report/report.h"
#include "trajectory/run_name.h"

namespace thalweg {

// A run has the same colour in every figure: the main path black, branches by fork epoch.
LineStyle run_style(const ReportData& data, const std::string& run);
// The run may belong to any seed.
bool is_main(const std::string& run);
bool is_average(const std::string& run);
// "main path", "decay-at-2", "average of the main path, seed 4".
std::string run_label(const RunName& name);

}  // namespace thalweg
