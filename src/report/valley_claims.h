// The claims about the geometry of the main path and its branches (report/valley.h).
#pragma once

#include <vector>

#include "report/claims.h"

namespace thalweg {

// `valley` and `near-minimum` (report/claims.h).
std::vector<Claim> valley_claims(const Results& results);

}  // namespace thalweg
