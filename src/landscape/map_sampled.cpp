// A map by samples. The grid's middle point is evaluated on all images; its losses, known for every image, are the
// control of all other points (sampling.h). All points see the same sample, so differences between them are less noisy
// than the standard errors say. With `stderr` a pilot of kPilot images says how many the point takes, once (Stein
// 1945).
#include <algorithm>
#include <cmath>

#include "landscape/kept_images.h"
#include "landscape/map_run.h"
#include "landscape/sampling.h"
#include "landscape/split_estimate.h"

namespace thalweg {
namespace {

constexpr std::int64_t kPilot = 256;

std::size_t middle_point(const Grid& grid) {
  return grid.y.size() / 2 * grid.x.size() + grid.x.size() / 2;
}

class SampledSplit {
 public:
  SampledSplit(const LandscapeSplit& split, std::int64_t num_classes, KeptImages control, const LandscapeConfig& config)
      : split_(split), strata_(class_strata(split.labels, num_classes)), control_(std::move(control)), config_(config) {
    for (const std::int64_t size : strata_.sizes) shares_.push_back(static_cast<double>(size));
    for (std::size_t i = 0; i < control_.losses.size(); ++i) {
      loss_mean_ += static_cast<double>(control_.losses[i]);
      right_mean_ += control_.correct[i];
    }
    loss_mean_ /= static_cast<double>(control_.losses.size());
    right_mean_ *= 100 / static_cast<double>(control_.losses.size());
  }

  void estimate(const PointEvaluator& evaluator, Journal::Point& point) const {
    StratifiedSample sample(strata_, shares_, {static_cast<std::uint64_t>(config_.seed), 0, split_.name == "test"});
    Drawn drawn;
    const std::int64_t all = split_.images.size();
    grow(sample, std::min(all, config_.images > 0 ? config_.images : kPilot), evaluator, drawn);
    if (config_.standard_error > 0) grow(sample, wanted(sample, drawn), evaluator, drawn);
    const Estimate loss = estimate_mean(sample, drawn.losses, drawn.control_losses, loss_mean_);
    const Estimate accuracy = estimate_mean(sample, drawn.right, drawn.control_right, right_mean_);
    append(point, {loss, accuracy, static_cast<std::int64_t>(sample.images().size())});
  }

 private:
  struct Drawn {
    std::vector<double> losses, right, control_losses, control_right;  // right: 0 or 100
  };

  void grow(StratifiedSample& sample, std::int64_t n, const PointEvaluator& evaluator, Drawn& drawn) const {
    const std::vector<std::int64_t> images = sample.grow(n);
    const ImageLosses values = evaluator.evaluate(split_, images);
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto image = static_cast<std::size_t>(images[i]);
      drawn.losses.push_back(values.losses[i]);
      drawn.right.push_back(100.0 * values.correct[i]);
      drawn.control_losses.push_back(static_cast<double>(control_.losses[image]));
      drawn.control_right.push_back(100.0 * control_.correct[image]);
    }
  }

  // n with S^2 (1/n - 1/N) = standard_error^2, S^2 as the pilot says.
  std::int64_t wanted(const StratifiedSample& sample, const Drawn& pilot) const {
    const auto all = static_cast<double>(split_.images.size()), n = static_cast<double>(sample.images().size());
    const double se = estimate_mean(sample, pilot.losses, pilot.control_losses, loss_mean_).standard_error;
    if (n >= all) return split_.images.size();
    const double spread = se * se / (1 / n - 1 / all), goal = config_.standard_error * config_.standard_error;
    const double needed = 1 / (goal / spread + 1 / all);
    return std::isfinite(needed) ? std::min(split_.images.size(), static_cast<std::int64_t>(std::ceil(needed)))
                                 : split_.images.size();
  }

  const LandscapeSplit& split_;
  Strata strata_;
  std::vector<double> shares_;
  KeptImages control_;
  const LandscapeConfig& config_;
  double loss_mean_ = 0;   // of the control over all images
  double right_mean_ = 0;  // percent
};

}  // namespace

nlohmann::json map_by_samples(MapRun& run) {
  const std::size_t reference = middle_point(run.grid());
  run.evaluate_points("landscape: reference", {reference}, [&](std::size_t) { return exact_point(run.evaluator()); });
  std::vector<std::int64_t> sizes;
  for (const LandscapeSplit& split : run.evaluator().splits()) sizes.push_back(split.images.size());
  std::vector<KeptImages> kept = from_bytes(run.journal().points().at(reference).images, sizes);
  std::vector<SampledSplit> splits;
  for (std::size_t s = 0; s < sizes.size(); ++s) {
    splits.emplace_back(run.evaluator().splits()[s], run.num_classes(), std::move(kept[s]), run.config());
  }
  run.evaluate_points("landscape", run.all_points(), [&](std::size_t) {
    Journal::Point point{{static_cast<double>(Cell::kEstimated)}, {}};
    for (const SampledSplit& split : splits) split.estimate(run.evaluator(), point);
    return point;
  });
  const auto [x, y] = run.at(reference);
  return {{"reference", {x, y}}};
}

}  // namespace thalweg
