// The HTML page of a study: what was run, how it ended, and the figures.
#pragma once

#include <string>
#include <vector>

#include "report/figure.h"
#include "theory/statistics.h"

namespace thalweg {

// Returns a self-contained HTML page without scripts.
std::string theory_page(const TheoryStudy& study, const std::vector<Figure>& figures);

}  // namespace thalweg
