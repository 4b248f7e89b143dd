// What a sample of a split's images says of a point beyond its mean loss and accuracy: an estimate, with its standard
// error, of each further value that an exact map has (landscape/split_summary.h).
//
// Means are those of sampling.h: a class is a stratum, and the control helps there as in the whole; the margin has no
// control. A quantile is the smallest loss whose share of the images, as the strata are weighted, reaches what is
// asked; its standard error comes from that of the share, by the quantiles at its confidence limits (Woodruff 1952,
// Confidence intervals for medians and other position measures).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "landscape/sampling.h"
#include "landscape/split_summary.h"

namespace thalweg {

// Of sample.images(), in their order.
struct SampledImages {
  std::vector<double> losses;   // nats
  std::vector<double> right;    // 0 or 100
  std::vector<double> margins;  // logits
  std::vector<double> control_losses;
  std::vector<double> control_right;
};

// The control's means over all images of each class.
struct ClassControl {
  std::vector<double> loss;
  std::vector<double> right;  // percent
};

struct SampleSummary {
  Estimate margin;
  std::array<Estimate, kLossQuantiles.size()> quantiles;  // of the loss
  std::vector<Estimate> class_loss, class_accuracy;       // [classes], NaN for a class without images
};

// `sample`: its strata are the classes. A quantile is NaN where a loss is.
SampleSummary summarise_sample(const StratifiedSample& sample, const SampledImages& images,
                               const ClassControl& control);
// Of all images: without error.
SampleSummary exact_summary(const ImageLosses& images, const std::vector<std::int64_t>& labels,
                            std::int64_t num_classes);

// SPLIT_margin, SPLIT_loss_q05 ... q95, SPLIT_class_loss/c, SPLIT_class_acc/c, and the standard error of each:
// SPLIT_margin_stderr, SPLIT_class_loss_stderr/c.
std::vector<std::string> sample_summary_names(const std::string& split, std::int64_t num_classes);
// Adds the values by these names.
void append(std::vector<double>& values, const SampleSummary& summary);

}  // namespace thalweg
