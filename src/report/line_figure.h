// The picture of a map that is one row or one column of points: curves along the line.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace thalweg {

// SVG: losses on the left, accuracies on the right, train and test in each. Thin upright lines stand where the path's
// points lie, a star and a cross at the minima; whiskers of two standard errors where the values have any.
std::string line_figure(const ReportData& data, const Surface& surface);

}  // namespace thalweg
