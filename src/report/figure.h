// The SVG figures of a report, as they would stand in a paper.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace thalweg {

struct Figure {
  std::string name;  // file name without folder
  std::string svg;
};

// "surface-train-test.svg": train and test loss of the surface on common levels, paths and minima on top;
// "surface-gap.svg": test minus train loss, where the surface has it (map_values.h). A surface of one row or column
// gives "line-train-test.svg" instead. Further surfaces give "surface-2-train-test.svg", "line-2-train-test.svg" and so
// on. A surface without finite losses gives none, nor does that of a window (report/window_maps.h).
std::vector<Figure> surface_figures(const ReportData& data);
// "learning-rate.svg", "loss.svg", "decay-time.svg": each where its data is there.
std::vector<Figure> curve_figures(const ReportData& data);

}  // namespace thalweg
