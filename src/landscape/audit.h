// A map's checks of itself.
#pragma once

#include <nlohmann/json.hpp>

#include "landscape/map_run.h"

namespace thalweg {

// Throws Error where the compiled evaluator and plain float32 arithmetic (nn/eager.h) disagree about the plane's
// origin, on up to 32 images of each split; and, where the plane's origin is a checkpoint whose own evaluation over
// the same images is known (provenance "origin_final") and its statistics are used, where the map would show another
// loss there.
void check_centre(PointEvaluator& evaluator, const PointEvaluator::Source& source, const LandscapeConfig& config);

// Compares a map in reduced precision with float32 at config.audit_points points: those of the smallest losses, the
// middle one, others at random; on the same up to 2,000 images of each split. Returns
//   {"precision", "points", "images": {SPLIT: n}, "largest_deviation": {SPLIT: d}, "at": {SPLIT: [x, y]}, "limit":
//   max_deviation}
// with d the largest |mean loss - that in float32| / max(that in float32, 0.001 nats); infinite where one of the two is
// not finite and the other is.
nlohmann::json audit_precision(MapRun& run, PointEvaluator& reference);
bool is_within_limit(const nlohmann::json& audit);

}  // namespace thalweg
