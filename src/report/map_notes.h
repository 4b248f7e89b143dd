// Describes in words and numbers how the values of a map were obtained.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "landscape/surface.h"

namespace thalweg {

// The number of points of each kind, indexed by the kind (landscape/surface.h). A map without "cell" is exact.
std::array<std::size_t, 4> count_cells(const Surface& surface);
bool is_all_exact(const Surface& surface);
// The number of points with a loss or accuracy that is not finite. Points not evaluated yet do not count.
std::size_t num_not_finite(const Surface& surface);

// One or more sentences: the number of images, the size of the errors, the result of the audits, what is still missing.
// Empty if the map does not say how it was made.
std::string how_values_came(const Surface& surface);

// Whether readers must be warned before they trust the values: the map is unfinished or not certified.
bool needs_warning(const Surface& surface);

}  // namespace thalweg
