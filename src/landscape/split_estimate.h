// The values of a split at a point whose images were not all evaluated, as sampled and adaptive maps keep them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "landscape/sampling.h"
#include "landscape/split_summary.h"

namespace thalweg {

// An estimate, with its standard error, of each value that an exact map has for a split.
struct SplitEstimate {
  std::vector<Estimate> values;  // by summary_names (split_summary.h)
  std::int64_t images = 0;       // number of images evaluated; 0: interpolated

  const Estimate& loss() const { return values[kLoss]; }          // nats
  const Estimate& accuracy() const { return values[kAccuracy]; }  // percent
};

// The values over all images of a split, with standard errors of 0. A value that is NaN has a NaN standard error.
SplitEstimate exact_estimate(const ImageLosses& images, const std::vector<std::int64_t>& labels,
                             std::int64_t num_classes);
// Adds a value to a weighted sum; the standard errors add up as if fully correlated.
void add_weighted(SplitEstimate& sum, double weight, const SplitEstimate& value);

// The names of the values of an estimate: SPLIT_loss, SPLIT_acc ..., the standard error of each (SPLIT_loss_stderr,
// SPLIT_class_loss_stderr/c), SPLIT_images.
std::vector<std::string> estimate_names(const std::string& split, std::int64_t num_classes);
// Appends the values in the order of these names.
void append(std::vector<double>& values, const SplitEstimate& estimate);
// Reads what `append` wrote, from `begin` to `end`.
SplitEstimate read_estimate(const double* begin, const double* end);

}  // namespace thalweg
