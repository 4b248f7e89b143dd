// What a sample of a split's images, stratified by class, says of a point.
//
// Means are those of sampling.h, with another point's values as their control; a class is a stratum, and the control
// helps there as in the whole. Quantiles are those of loss_distribution.h.
#pragma once

#include <vector>

#include "landscape/split_estimate.h"

namespace thalweg {

// Of sample.images(), in their order.
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

// `sample`: its strata are the classes. `control`: of all images at the control's point.
SplitEstimate summarise_sample(const StratifiedSample& sample, const SampledImages& images,
                               const SplitEstimate& control);

// Of the loss alone.
Estimate estimate_loss(const StratifiedSample& sample, const SampledImages& images, const SplitEstimate& control);

}  // namespace thalweg
