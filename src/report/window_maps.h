// Maps along a curved path: the maps of the planes of its windows (trajectory/window_planes.h), side by side.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace thalweg {

bool is_of_window(const Surface& surface);

// The 2-D maps of one division of the path into windows, in the order of the windows.
struct WindowMaps {
  std::vector<const Surface*> surfaces;
  std::size_t of = 0;  // number of windows; there are fewer maps while some are unfinished

  std::string about(std::size_t index) const;  // "Window 2, epochs 3 to 6"
  // The share of the path's variance explained by the windows' planes, and by a single plane.
  std::string explained_sentence() const;
};
// Ordered by the number of windows. The pointers point into `data`.
std::vector<WindowMaps> window_maps(const ReportData& data);

// An SVG with train losses in one row of panels and test losses in the next, on common levels.
std::string window_figure(const ReportData& data, const WindowMaps& maps);
// The page's section with figures and tables; empty if there are no such maps.
std::string window_section(const ReportData& data);

}  // namespace thalweg
