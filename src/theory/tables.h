// The numbers of a study as CSV (docs/theory.md describes the columns). A value that is not finite becomes an empty
// field.
#pragma once

#include <string>

#include "theory/statistics.h"

namespace thalweg {

// One row per cell: where it ended.
std::string cells_csv(const TheoryStudy& study);
// One row per cell and recorded step: means over the data sets and, for gamma = 0, the gradient flow.
std::string curves_csv(const TheoryStudy& study);
// One row per cell: when its phases ended, and its state at those times.
std::string phases_csv(const TheoryStudy& study);

}  // namespace thalweg
