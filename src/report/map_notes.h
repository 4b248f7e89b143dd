// How the values of a map came about, counted and put into words.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "landscape/surface.h"

namespace thalweg {

// Points of each kind, by the number of the kind (landscape/surface.h). A map without "cell" is exact.
std::array<std::size_t, 4> count_cells(const Surface& surface);
bool is_all_exact(const Surface& surface);
// Points of the map (a point counts once) whose loss or accuracy is not finite; those not evaluated yet do not count.
std::size_t num_not_finite(const Surface& surface);

// A sentence or some: from how many images, how large the errors, what the audits found, what is missing yet. Empty for
// a map that does not say how it was made.
std::string how_values_came(const Surface& surface);

bool is_unfinished(const Surface& surface);
// Something that a reader must know before trusting the values: the map is unfinished, or not certified.
bool needs_warning(const Surface& surface);

}  // namespace thalweg
