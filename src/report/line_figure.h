// The figure of a map that is one row or column of points: curves along the line.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace thalweg {

// Returns an SVG with losses on the left and accuracies on the right, train and test in each. Thin vertical lines mark
// the points of the path, a star and a cross the minima. Whiskers show two standard errors if the values have any.
std::string line_figure(const ReportData& data, const Surface& surface);

}  // namespace thalweg
