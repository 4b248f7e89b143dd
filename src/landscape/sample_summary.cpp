#include "landscape/sample_summary.h"

#include "landscape/loss_distribution.h"

namespace thalweg {
namespace {

// The means of `count` consecutive values.
std::vector<double> means(const SplitEstimate& estimate, std::size_t first, std::size_t count) {
  std::vector<double> out;
  for (std::size_t k = first; k < first + count; ++k) out.push_back(estimate.values[k].mean);
  return out;
}

}  // namespace

Estimate estimate_loss(const StratifiedSample& sample, const SampledImages& images, const SplitEstimate& control) {
  return estimate_mean(sample.drawn(), images.here.losses, images.control.losses, control.loss().mean);
}

SplitEstimate summarise_sample(const StratifiedSample& sample, const SampledImages& images,
                               const SplitEstimate& control) {
  const Drawn drawn = sample.drawn();
  const std::size_t classes = drawn.sizes.size();
  const auto& [here, there] = images;
  SplitEstimate out{{}, static_cast<std::int64_t>(sample.images().size())};
  out.values = {
      estimate_loss(sample, images, control),
      estimate_mean(drawn, here.right, there.right, control.accuracy().mean, /*one=*/100),
      estimate_mean(drawn, here.margins, there.margins, control.values[kMargin].mean),
  };
  const auto add = [&](const auto& estimates) {
    out.values.insert(out.values.end(), estimates.begin(), estimates.end());
  };
  add(estimate_quantiles(drawn, here.losses));
  add(estimate_strata(drawn, here.losses, there.losses, means(control, kFirstClass, classes)));
  add(estimate_strata(drawn, here.right, there.right, means(control, kFirstClass + classes, classes), /*one=*/100));
  return out;
}

}  // namespace thalweg
