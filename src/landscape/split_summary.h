// What the losses of all images of a split say of a point: the values that a surface holds.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "landscape/point_evaluator.h"

namespace thalweg {

// Shares of the images with a smaller loss; the loss of the image at ceil(share * N).
inline constexpr std::array<double, 5> kLossQuantiles = {0.05, 0.25, 0.5, 0.75, 0.95};

// Names of the values of a split, in order: SPLIT_loss (mean, nats), SPLIT_acc (percent), SPLIT_margin (mean),
// SPLIT_loss_q05 ... q95, then SPLIT_class_loss/c and SPLIT_class_acc/c for each class c. "/c" are the layers of one
// array (landscape/surface.h).
std::vector<std::string> summary_names(const std::string& split, std::int64_t num_classes);
// The values by these names. A class without images, and whatever an image's NaN reaches, is NaN.
std::vector<double> summarise(const ImageLosses& images, const std::vector<std::int64_t>& labels,
                              std::int64_t num_classes);

// Where they stand among these values.
inline constexpr std::size_t kLoss = 0, kAccuracy = 1, kMargin = 2, kFirstQuantile = 3,
                             kFirstClass = kFirstQuantile + kLossQuantiles.size();

// Sum over all images in order, so that it does not depend on how they were evaluated.
double mean_loss(const ImageLosses& images);
double accuracy_percent(const ImageLosses& images);

}  // namespace thalweg
