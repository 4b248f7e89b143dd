// A map's checks of itself.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "landscape/map_run.h"

namespace thalweg {

// Throws Error where the compiled evaluator and plain float32 arithmetic (nn/eager.h) disagree about the plane's
// origin, on up to 32 images of each split; and, where the plane's origin is a checkpoint whose own evaluation is known
// (provenance "origin_final", of the same data), where another loss comes out there. For that the origin is evaluated
// once as the checkpoint was, whatever the map's precision and statistics are: in float32, with its own statistics, on
// all images of the splits that the map takes all of, or else of the smaller split alone.
void check_centre(PointEvaluator& evaluator, const PointEvaluator::Source& source, const LandscapeConfig& config);
// How many images that takes; 0 where there is no such checkpoint.
std::int64_t checkpoint_images(const PointEvaluator::Source& source, const LandscapeConfig& config);
// For the map's notes: {SPLIT_loss: what the checkpoint was evaluated to} of the splits compared, or {"none": why}.
nlohmann::json checkpoint_note(const PointEvaluator::Source& source, const LandscapeConfig& config);

// Compares a map in reduced precision with float32 at config.audit_points points: those of the smallest losses, the
// middle one, others at random; on the same up to 2,000 images of each split. Returns
//   {"precision", "points", "images": {SPLIT: n}, "largest_deviation": {SPLIT: d}, "at": {SPLIT: [x, y]},
//    "limit": max_deviation, "largest_difference": {SPLIT: nats}}
// with d the largest |mean loss - that in float32| / max(that in float32, 0.001 nats); infinite where one of the two is
// not finite and the other is. The largest difference is that of the mean losses, where both are finite.
nlohmann::json audit_precision(MapRun& run, PointEvaluator& reference);
// Which limit such an audit exceeds: "deviation"; "difference", where it has a "difference_limit" {SPLIT: nats} (the
// error that was asked for, which is judged against the map in reduced precision, should not be less than what that
// precision costs); "" for none.
std::string excess_of(const nlohmann::json& audit);
// How many images of a point, of all splits, that takes in each of the two precisions.
std::int64_t audit_images(const std::vector<LandscapeSplit>& splits);

}  // namespace thalweg
