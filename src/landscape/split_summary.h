// Summary of the losses of all images of a split at a point: the values that a surface holds.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "landscape/point_evaluator.h"

namespace thalweg {

// The shares of the quantiles: each quantile is the loss of the image at rank ceil(share * N).
inline constexpr std::array<double, 5> kLossQuantiles = {0.05, 0.25, 0.5, 0.75, 0.95};

// The names of the values of a split, in order: SPLIT_loss (mean, nats), SPLIT_acc (percent), SPLIT_margin (mean),
// SPLIT_loss_q05 ... q95, then SPLIT_class_loss/c and SPLIT_class_acc/c for each class c. Names with "/c" denote the
// layers of one array (landscape/surface.h).
std::vector<std::string> summary_names(const std::string& split, std::int64_t num_classes);
// The labels of some images, for `summarise`.
std::vector<std::int64_t> labels_of(const LandscapeSplit& split, const std::vector<std::int64_t>& images);
// The values in the order of these names. The values of a class without images are NaN, as is every value that depends
// on an image's NaN.
std::vector<double> summarise(const ImageLosses& images, const std::vector<std::int64_t>& labels,
                              std::int64_t num_classes);

// The indices of these values.
inline constexpr std::size_t kLoss = 0, kAccuracy = 1, kMargin = 2, kFirstQuantile = 3,
                             kFirstClass = kFirstQuantile + kLossQuantiles.size();

// The mean loss. It sums the images in order, so it does not depend on how they were evaluated.
double mean_loss(const ImageLosses& images);
double accuracy_percent(const ImageLosses& images);

}  // namespace thalweg
