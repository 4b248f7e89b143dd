// The checks that a map makes of itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "landscape/map_run.h"

namespace thalweg {

// Throws Error if the compiled evaluator and plain float32 arithmetic (nn/eager.h) disagree at the plane's origin, on
// up to 32 images of each split.
void check_kernels(PointEvaluator& evaluator, const PointEvaluator::Source& source, const LandscapeConfig& config);
// Throws Error if the plane's origin is a checkpoint whose own evaluation is known (provenance "origin_final", on the
// same data) and its loss is not reproduced. Whatever the map's precision and statistics, the origin is evaluated once
// in the way the checkpoint was: in float32, with its own statistics, on all images of those splits that the map uses
// in full or, if there are none, of the smaller split.
void check_checkpoint(const PointEvaluator::Source& source, const LandscapeConfig& config);
// The number of images that this comparison takes; 0 if there is no such checkpoint.
std::int64_t checkpoint_images(const PointEvaluator::Source& source, const LandscapeConfig& config);
// The entry for the map's notes: {SPLIT_loss: the checkpoint's own loss} for the splits compared, or {"none": reason}.
nlohmann::json checkpoint_note(const PointEvaluator::Source& source, const LandscapeConfig& config);

// Compares a map in reduced precision with float32 at config.audit_points points (those with the smallest loss of each
// split, the middle one, and random ones), on the same up to 2,000 images of each split. Returns
//   {"precision", "points", "images": {SPLIT: n}, "largest_deviation": {SPLIT: d}, "at": {SPLIT: [x, y]},
//    "limit": max_deviation, "largest_difference": {SPLIT: nats}}
// where d is the largest |mean loss - float32 mean loss| / max(float32 mean loss, 0.001 nats), infinite if exactly one
// of the two is finite, and the largest difference is that of the mean losses where both are finite.
nlohmann::json audit_precision(MapRun& run, PointEvaluator& reference);
// Returns the limit that an audit exceeds: "deviation"; "difference", if the audit has a "difference_limit" {SPLIT:
// nats} (the requested error is judged against the map in reduced precision, so it should not be smaller than the error
// of that precision); or "" for none.
std::string excess_of(const nlohmann::json& audit);
// The number of images, over all splits, that this audit evaluates per point in each of the two precisions.
std::int64_t audit_images(const std::vector<LandscapeSplit>& splits);

}  // namespace thalweg
