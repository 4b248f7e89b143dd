// The paths of runs on a map.
#pragma once

#include <vector>

#include "landscape/surface.h"

namespace thalweg {

// Splits the surface's path by run: the main path first, the others by the step at which they begin.
std::vector<std::vector<PathPoint>> paths_by_run(const Surface& surface);
// Whether the path's points are snapshots along trainings, which lines connect, and not just those that a plane of kind
// "points" or "line" was laid through, or the centre of random directions.
bool has_trainings(const Surface& surface);
// Returns the point at which a branch left its seed's main path: the last one not after the branch's first point. Null
// if there is none, and for a main path or an average, which do not fork.
const PathPoint* fork_point(const std::vector<std::vector<PathPoint>>& paths, const std::vector<PathPoint>& branch);
// Path points farther than this from the plane are drawn fainter, because their position on the map says little. Half
// the diagonal of the bounding box of all paths, or of its own part of the path if the map is of a window.
double off_plane_limit(const Surface& surface);

}  // namespace thalweg
