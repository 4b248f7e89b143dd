// A sampled map. The grid's middle point is evaluated on all images; its losses, margins and right answers, known for
// every image, are the control of all other points (sampling.h). All points use the same sample, so differences between
// them are less noisy than the standard errors suggest. With `stderr`, each point uses as much of the sample as its
// standard error requires (sample_size.h), at least kLeast images.
#include <algorithm>

#include "landscape/kept_images.h"
#include "landscape/map_run.h"
#include "landscape/sample_size.h"
#include "landscape/sample_summary.h"

namespace thalweg {
namespace {

constexpr std::int64_t kLeast = 256;

// Evaluates all images at the evaluator's chosen point; the record keeps them (kept_images.h).
Journal::Point exact_point(const MapRun& run) {
  Journal::Point point{{static_cast<double>(Cell::kExact)}, {}};
  std::vector<ImageLosses> all;
  for (const LandscapeSplit& split : run.evaluator().splits()) {
    all.push_back(run.evaluator().evaluate(split));
    append(point.values, exact_estimate(all.back(), split.labels, run.num_classes()));
  }
  point.images = to_bytes(all);
  return point;
}

class SampledSplit {
 public:
  // The values of the images at the reference point, and their summary.
  struct Control {
    KeptImages images;
    SplitEstimate value;
  };

  SampledSplit(const LandscapeSplit& split, std::int64_t num_classes, Control control, const LandscapeConfig& config)
      : split_(split),
        strata_(class_strata(split.labels, num_classes)),
        shares_(strata_.sizes.begin(), strata_.sizes.end()),
        control_(std::move(control)),
        config_(config),
        sample_(strata_, shares_, {static_cast<std::uint64_t>(config.seed), 0, split.name == "test"}) {
    if (config.images > 0) sample_.grow(std::min(split.images.size(), config.images));
  }

  SplitEstimate estimate(PointEvaluator& evaluator) const {
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

 private:
  void evaluate(const std::vector<std::int64_t>& images, PointEvaluator& evaluator, SampledImages& drawn) const {
    const ImageLosses values = evaluator.evaluate(split_, images);
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto image = static_cast<std::size_t>(images[i]);
      drawn.here.add(values.losses[i], values.correct[i], values.margins[i]);
      drawn.control.add(control_.images.losses[image], control_.images.correct[image], control_.images.margins[image]);
    }
  }

  const LandscapeSplit& split_;
  Strata strata_;
  std::vector<double> shares_;
  Control control_;
  const LandscapeConfig& config_;
  StratifiedSample sample_;  // that of all points or, with `stderr`, the empty one from which each point's grows
};

}  // namespace

nlohmann::json map_by_samples(MapRun& run) {
  const std::size_t reference = run.grid().middle();
  run.evaluate_points("landscape: reference", {reference}, [&](std::size_t) { return exact_point(run); });
  const std::vector<LandscapeSplit>& all = run.evaluator().splits();
  std::vector<std::int64_t> sizes;
  for (const LandscapeSplit& split : all) sizes.push_back(split.images.size());
  const Journal::Point& record = run.journal().points().at(reference);
  std::vector<KeptImages> kept = from_bytes(record.images, sizes);
  std::vector<SampledSplit> splits;
  for (std::size_t s = 0; s < all.size(); ++s) {
    const std::vector<std::string> names = estimate_names(all[s].name, run.num_classes());
    const double* first = record.values.data() + run.value(names.front());
    splits.emplace_back(all[s], run.num_classes(),
                        SampledSplit::Control{std::move(kept[s]), read_estimate(first, first + names.size())},
                        run.config());
  }
  run.evaluate_points("landscape", run.points_by_level(), [&](std::size_t) {
    Journal::Point point{{static_cast<double>(Cell::kExact)}, {}};
    for (std::size_t s = 0; s < splits.size(); ++s) {
      const SplitEstimate estimate = splits[s].estimate(run.evaluator());
      if (estimate.images < sizes[s]) point.values[0] = static_cast<double>(Cell::kEstimated);
      append(point.values, estimate);
    }
    return point;
  });
  const auto [x, y] = run.at(reference);
  return {{"reference", {x, y}}};
}

}  // namespace thalweg
