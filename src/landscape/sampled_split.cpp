#include "landscape/sampled_split.h"

#include <algorithm>
#include <utility>

#include "landscape/sample_size.h"

namespace thalweg {
namespace {

constexpr std::int64_t kLeast = 256;

}  // namespace

SampledSplit::SampledSplit(const LandscapeSplit& split, std::int64_t num_classes, Control control,
                           const LandscapeConfig& config)
    : split_(split),
      strata_(class_strata(split.labels, num_classes)),
      shares_(strata_.sizes.begin(), strata_.sizes.end()),
      control_(std::move(control)),
      config_(config),
      sample_(strata_, shares_, {static_cast<std::uint64_t>(config.seed), 0, split.name == "test"}) {
  if (config.images > 0) sample_.grow(std::min(split.images.size(), config.images));
}

SplitEstimate SampledSplit::estimate(PointEvaluator& evaluator) const {
  SampledImages drawn;
  if (config_.images > 0) {
    evaluate(sample_.images(), evaluator, drawn);
    return summarise_sample(sample_, drawn, control_.value);
  }
  StratifiedSample sample = sample_;
  draw_to_error(config_.standard_error, kLeast, split_.images.size(), [&](std::int64_t n) {
    evaluate(sample.grow(n), evaluator, drawn);
    return estimate_loss(sample, drawn, control_.value).standard_error;
  });
  return summarise_sample(sample, drawn, control_.value);
}

void SampledSplit::evaluate(const std::vector<std::int64_t>& images, PointEvaluator& evaluator,
                            SampledImages& drawn) const {
  const ImageLosses values = evaluator.evaluate(split_, images);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto image = static_cast<std::size_t>(images[i]);
    drawn.here.add(values.losses[i], values.correct[i], values.margins[i]);
    drawn.control.add(control_.images.losses[image], control_.images.correct[image], control_.images.margins[image]);
  }
}

}  // namespace thalweg
