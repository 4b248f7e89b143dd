// What a map lies on, a plane or a line, and how its axes and distances are called.
#pragma once

#include <cstddef>
#include <string>

#include "landscape/surface.h"

namespace thalweg {

// Or one column: a map along a line.
bool is_one_row(const Surface& surface);

// "PC 1 (explains 71 %)", "Distance from a@0 towards b@96" or "Direction 1"; axis is 0 or 1.
std::string plane_axis_label(const Surface& surface, std::size_t axis);
// "in weight space" where d1 and d2 are unit vectors (PCA, points and line planes), else "in units of the directions".
std::string distance_unit(const Surface& surface);

}  // namespace thalweg
