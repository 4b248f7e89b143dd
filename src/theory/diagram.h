// The phase diagram over learning rate and decay time.
#pragma once

#include "report/figure.h"
#include "theory/statistics.h"

namespace thalweg {

// "phase-diagram.svg": final test risk and norm of each cell; grey where runs diverged, and how long the drift takes
// where that is known.
Figure phase_diagram(const TheoryStudy& study);

}  // namespace thalweg
