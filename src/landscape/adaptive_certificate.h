// What vouches for an adaptive map: points that are not exact, drawn at random, are looked at again by samples of their
// own.
//
// Such a sample grows until its betting interval, at 1 % of failure, says whether the point is within the tolerance;
// where half of the images do not settle it, all of them are taken. If none of the points is outside, at most 5 % of
// the map's points are, with 95 % confidence whichever of kPasses passes ends so: were it 5 %, all 81 audited points of
// a pass would be let through with probability (0.95 + 0.05 x 0.01)^81 = 0.05 / 3.
#pragma once

#include <nlohmann/json.hpp>

#include "landscape/adaptive_levels.h"

namespace thalweg {

// Over an adaptive map's levels, each with an audit, until one finds nothing outside.
constexpr int kPasses = 3;

struct Certificate {
  std::size_t audited = 0;                // points
  std::size_t violations = 0;             // points outside of the tolerance
  std::vector<double> largest_deviation;  // by split, nats
};

// Audits a pass that is complete; what the journal has of it already is not done again. Throws as
// MapRun::evaluate_points does.
Certificate audit_levels(MapRun& run, AdaptiveLevels& levels, int pass);

// For the surface's notes: `adaptive` of docs/formats.md.
nlohmann::json describe(const Certificate& certificate, const MapRun& run, const AdaptiveLevels& levels, int pass);

}  // namespace thalweg
