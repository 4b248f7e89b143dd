// The paths of the runs on a map.
#pragma once

#include <vector>

#include "landscape/surface.h"

namespace thalweg {

// The surface's path, run by run: the main path first, then by the step at which each begins.
std::vector<std::vector<PathPoint>> paths_by_run(const Surface& surface);
// The point of its seed's main path from which a branch went off: the last that is not after the branch's first; null
// if none, and for a main path or an average, which go off from nowhere.
const PathPoint* fork_point(const std::vector<std::vector<PathPoint>>& paths, const std::vector<PathPoint>& branch);
// A path point farther than this from the plane is drawn fainter, for its place there says little: half the diagonal of
// the bounding box of all paths, or of its window's part of one.
double off_plane_limit(const Surface& surface);

}  // namespace thalweg
