// One panel of a map in an SVG figure: filled bands, level lines, paths and minima.
#pragma once

#include <string>
#include <vector>

#include "report/axes.h"
#include "report/colors.h"
#include "report/levels.h"
#include "report/map_values.h"
#include "report/minima.h"
#include "report/report.h"

namespace thalweg {

// The parts shared by all panels of a figure.
struct Map {
  const ReportData& data;
  const Surface& surface;
  LevelScale scale;
  ColorAt color;
  Minima minima;
  std::vector<std::vector<PathPoint>> paths;
  double off_plane_limit = 0;
};

// Draws the map with paths and minima, and the points listed as "marks" in the surface's provenance: [{"name", "x",
// "y", "off_plane"}, ...].
void draw_map_panel(Svg* svg, const Map& map, const Panel& panel, const MapPanel& shown);
// Legend entries of the paths, their ends, the marks and the minima.
std::vector<LegendEntry> map_legend(const Map& map);
// "Off the plane: a by 0.7, b by 0.03."; empty if no mark is off the plane.
std::string marks_sentence(const Surface& surface);

}  // namespace thalweg
