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
// SPLIT_loss, SPLIT_acc, their standard errors SPLIT_loss_stderr and SPLIT_acc_stderr, SPLIT_images.
std::vector<std::string> estimate_names(const std::string& split);
// Adds the values by these names.
void append(Journal::Point& point, const SplitEstimate& value);

}  // namespace thalweg
