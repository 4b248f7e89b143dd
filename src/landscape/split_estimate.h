// Values of a split at a point of a map that not all images made: what sampled and adaptive maps keep.
#pragma once

#include "landscape/map_run.h"
#include "landscape/sampling.h"

namespace thalweg {

struct SplitEstimate {
  Estimate loss;      // nats
  Estimate accuracy;  // percent
  std::int64_t images = 0;
};

// Of all images of a split: without error.
SplitEstimate exact_value(const ImageLosses& images);
// Adds the split's values in the order of sampled_names.
void append(Journal::Point& point, const SplitEstimate& value);
// The chosen point of the evaluator by all images of all splits, which the record keeps (kept_images.h).
Journal::Point exact_point(const PointEvaluator& evaluator);

}  // namespace thalweg
