// Names the plane or line of a map, its axes and its unit of distance.
#pragma once

#include <cstddef>
#include <string>

#include "landscape/surface.h"

namespace thalweg {

// Whether the map is one row or one column, that is, along a line.
bool is_one_row(const Surface& surface);

// "PC 1 (explains 71 %)", "Distance from a@0 towards b@96" or "Direction 1"; `axis` is 0 or 1.
std::string plane_axis_label(const Surface& surface, std::size_t axis);
// Whether distances on the map are those in weight space: on PCA and points planes, whose directions are unit vectors,
// and along a line.
bool has_unit_directions(const Surface& surface);
// "in weight space" with unit vectors, else "in units of the directions".
std::string distance_unit(const Surface& surface);

}  // namespace thalweg
