// The images of a split that a sampled map evaluates at its points, and what it estimates from them.
#pragma once

#include <cstdint>
#include <vector>

#include "landscape/config.h"
#include "landscape/kept_images.h"
#include "landscape/sample_summary.h"
#include "landscape/sampling.h"

namespace thalweg {

class SampledSplit {
 public:
  // The values of all images at the map's reference point, and their summary.
  struct Control {
    KeptImages images;
    SplitEstimate value;
  };
  // The split and the configuration must outlive this object.
  SampledSplit(const LandscapeSplit& split, std::int64_t num_classes, Control control, const LandscapeConfig& config);

  // Evaluates the sample at the evaluator's chosen point: the same config.images images at all points or, with
  // `stderr`, as many as this point's standard error requires (sample_size.h), at least 256.
  SplitEstimate estimate(PointEvaluator& evaluator) const;

 private:
  void evaluate(const std::vector<std::int64_t>& images, PointEvaluator& evaluator, SampledImages& drawn) const;

  const LandscapeSplit& split_;
  Strata strata_;
  std::vector<double> shares_;
  Control control_;
  const LandscapeConfig& config_;
  StratifiedSample sample_;  // that of all points or, with `stderr`, the empty one from which each point's grows
};

}  // namespace thalweg
