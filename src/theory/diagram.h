// The phase diagram over learning rate and decay time.
#pragma once

#include "report/figure.h"
#include "theory/statistics.h"

namespace thalweg {

// "phase-diagram.svg": the final test risk and norm of each cell, grey where runs diverged, with the drift time marked
// where it is known.
Figure phase_diagram(const TheoryStudy& study);

}  // namespace thalweg
