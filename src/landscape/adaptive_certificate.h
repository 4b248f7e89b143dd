// The certificate of an adaptive map: randomly drawn points that are not exact are checked with independent samples.
//
// Each sample grows until its betting interval, with a failure probability of 1 %, decides whether the point is within
// the tolerance; if half of the images do not decide it, all of them are evaluated. If no audited point is outside, at
// most 5 % of the map's points are, with 95 % confidence regardless of which of the kPasses passes ends this way: with
// 5 % of the points outside, all 81 audited points of a pass would be accepted with probability (0.95 + 0.05 x
// 0.01)^81, just below 0.05 / 3.
#pragma once

#include <nlohmann/json.hpp>

#include "landscape/adaptive_levels.h"

namespace thalweg {

// The most passes over an adaptive map's levels; each ends with an audit, and the first without violations is the last.
constexpr int kPasses = 3;

struct Certificate {
  std::size_t audited = 0;                // number of points
  std::size_t violations = 0;             // number of points outside the tolerance
  std::vector<double> largest_deviation;  // by split, nats
};

// Audits a completed pass. Skips points whose audit in this pass is already in the journal. Throws as
// MapRun::evaluate_points does.
Certificate audit_levels(MapRun& run, AdaptiveLevels& levels, int pass);

// The entry `adaptive` (docs/formats.md) of the surface's notes.
nlohmann::json describe(const Certificate& certificate, const MapRun& run, const AdaptiveLevels& levels, int pass);

}  // namespace thalweg
