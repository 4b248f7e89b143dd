// Values of a split at a point of a map that not all images made: what sampled and adaptive maps keep.
#pragma once

#include <string>
#include <vector>

#include "landscape/sampling.h"
#include "landscape/split_summary.h"

namespace thalweg {

// An estimate, with its standard error, of each value that an exact map has of a split.
struct SplitEstimate {
  std::vector<Estimate> values;  // by summary_names (split_summary.h)
  std::int64_t images = 0;       // that made them; 0: interpolated

  const Estimate& loss() const { return values[kLoss]; }          // nats
  const Estimate& accuracy() const { return values[kAccuracy]; }  // percent
};

// Of all images of a split: without error. What is NaN has a NaN for its error.
SplitEstimate exact_estimate(const ImageLosses& images, const std::vector<std::int64_t>& labels,
                             std::int64_t num_classes);
// Adds a value to a weighted sum; errors as if all went together.
void add_weighted(SplitEstimate& sum, double weight, const SplitEstimate& value);

// SPLIT_loss, SPLIT_acc ..., the standard error of each (SPLIT_loss_stderr, SPLIT_class_loss_stderr/c), SPLIT_images.
std::vector<std::string> estimate_names(const std::string& split, std::int64_t num_classes);
// Adds the values by these names.
void append(std::vector<double>& values, const SplitEstimate& estimate);
// What append wrote from `begin` to `end`.
SplitEstimate read_estimate(const double* begin, const double* end);

}  // namespace thalweg
