// The numbers of a study as CSV (docs/theory.md says what the columns are). A value that is not finite is an empty
// cell.
#pragma once

#include <string>

#include "theory/statistics.h"

namespace thalweg {

// A row a cell: where it ended.
std::string cells_csv(const TheoryStudy& study);
// A row a cell and recorded step: means over the data sets; for gamma = 0 the gradient flow beside them.
std::string curves_csv(const TheoryStudy& study);
// A row a cell: when its phases ended, and where it was then.
std::string phases_csv(const TheoryStudy& study);

}  // namespace thalweg
