// The SVG figures of a report, in the form they would have in a paper.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "report/report.h"

namespace thalweg {

struct Figure {
  std::string name;  // file name without folder
  std::string svg;
};

// "surface-train-test.svg": train and test loss of the surface with common levels, paths and minima on top.
// "surface-gap.svg": test minus train loss, if the surface has it (map_values.h). A surface of one row or column gives
// "line-train-test.svg" instead. Further surfaces give "surface-NAME-train-test.svg" and "line-NAME-train-test.svg",
// after their files NAME.h5. Surfaces without finite losses and those of windows (report/window_maps.h) give none.
std::vector<Figure> surface_figures(const ReportData& data);
// The figure of a map by itself: its losses, over a plane or along a line; empty if no loss is finite. Its title begins
// with that of `data`.
std::string map_figure(const ReportData& data, const Surface& surface);
// Throws Error if the file is not such a figure.
void check_map_figure(const std::filesystem::path& file);
// "learning-rate.svg", "loss.svg", "decay-time.svg": each if its data exist.
std::vector<Figure> curve_figures(const ReportData& data);

}  // namespace thalweg
