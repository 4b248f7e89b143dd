// Summary of a sample of a split's images, stratified by class, at a point.
//
// Means are those of sampling.h, with another point's values as their control. Each class is a stratum, and the control
// is used within it as for the whole. Quantiles are those of loss_distribution.h.
#pragma once

#include <vector>

#include "landscape/split_estimate.h"

namespace thalweg {

// The values of sample.images(), in that order.
struct SampledImages {
  struct Values {
    std::vector<double> losses;   // nats
    std::vector<double> right;    // 0 or 100
    std::vector<double> margins;  // logits

    void add(double loss, int correct, float margin) {
      losses.push_back(loss);
      right.push_back(100.0 * correct);
      margins.push_back(margin);
    }
  };
  Values here, control;
};

// The strata of `sample` must be the classes. `control` is the summary over all images at the control's point.
SplitEstimate summarise_sample(const StratifiedSample& sample, const SampledImages& images,
                               const SplitEstimate& control);

// The estimate of the loss alone.
Estimate estimate_loss(const StratifiedSample& sample, const SampledImages& images, const SplitEstimate& control);

}  // namespace thalweg
