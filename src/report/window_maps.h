// Maps along a curved path: those of the planes of its windows (trajectory/window_planes.h), side by side.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace thalweg {

bool is_of_window(const Surface& surface);

// The 2-D maps of one cutting of the path, in the order of their windows.
struct WindowMaps {
  std::vector<const Surface*> surfaces;
  std::size_t of = 0;  // windows; more than there are maps where some are not there yet

  std::string about(std::size_t index) const;  // "Window 2, epochs 3 to 6"
  // What the planes of the windows explain of the path's variance, and what one plane does.
  std::string explained_sentence() const;
};
// By the number of windows. The pointers are into `data`.
std::vector<WindowMaps> window_maps(const ReportData& data);

// Train loss in one row of panels, test loss in the next, on common levels; an SVG.
std::string window_figure(const ReportData& data, const WindowMaps& maps);
// The page's section with figures and tables; empty without such maps.
std::string window_section(const ReportData& data);

}  // namespace thalweg
