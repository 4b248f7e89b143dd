// A map by samples. The grid's middle point is evaluated on all images; its losses, known for every image, are the
// control of all other points (sampling.h). All points see the same sample, so differences between them are less noisy
// than the standard errors say. With `stderr` a pilot of kPilot images says how many the point takes, once (Stein
// 1945).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "landscape/kept_images.h"
#include "landscape/map_run.h"
#include "landscape/sample_summary.h"
#include "landscape/split_estimate.h"

namespace thalweg {
namespace {

constexpr std::int64_t kPilot = 256;

std::size_t middle_point(const Grid& grid) {
  return grid.y.size() / 2 * grid.x.size() + grid.x.size() / 2;
}

// The evaluator's chosen point by all images, which the record keeps (kept_images.h).
Journal::Point exact_point(const MapRun& run) {
  Journal::Point point{{static_cast<double>(Cell::kExact)}, {}};
  std::vector<ImageLosses> all;
  for (const LandscapeSplit& split : run.evaluator().splits()) {
    all.push_back(run.evaluator().evaluate(split));
    append(point, exact_value(all.back()));
    append(point.values, exact_summary(all.back(), split.labels, run.num_classes()));
  }
  point.images = to_bytes(all);
  return point;
}

class SampledSplit {
 public:
  SampledSplit(const LandscapeSplit& split, std::int64_t num_classes, KeptImages control, const LandscapeConfig& config)
      : split_(split), strata_(class_strata(split.labels, num_classes)), control_(std::move(control)), config_(config) {
    for (const std::int64_t size : strata_.sizes) shares_.push_back(static_cast<double>(size));
    means_.loss.resize(shares_.size());
    means_.right.resize(shares_.size());
    for (std::size_t i = 0; i < control_.losses.size(); ++i) {
      const auto c = static_cast<std::size_t>(strata_.of[i]);
      means_.loss[c] += static_cast<double>(control_.losses[i]);
      means_.right[c] += 100.0 * control_.correct[i];
    }
    const auto all = static_cast<double>(control_.losses.size());
    loss_mean_ = std::accumulate(means_.loss.begin(), means_.loss.end(), 0.0) / all;
    right_mean_ = std::accumulate(means_.right.begin(), means_.right.end(), 0.0) / all;
    for (std::size_t c = 0; c < shares_.size(); ++c) {
      means_.loss[c] /= shares_[c];
      means_.right[c] /= shares_[c];
    }
  }

  void estimate(const PointEvaluator& evaluator, Journal::Point& point) const {
    StratifiedSample sample(strata_, shares_, {static_cast<std::uint64_t>(config_.seed), 0, split_.name == "test"});
    SampledImages drawn;
    const std::int64_t all = split_.images.size();
    grow(sample, std::min(all, config_.images > 0 ? config_.images : kPilot), evaluator, drawn);
    if (config_.standard_error > 0) grow(sample, wanted(sample, drawn), evaluator, drawn);
    const Estimate loss = estimate_mean(sample, drawn.losses, drawn.control_losses, loss_mean_);
    const Estimate accuracy = estimate_mean(sample, drawn.right, drawn.control_right, right_mean_, /*one=*/100);
    append(point, {loss, accuracy, static_cast<std::int64_t>(sample.images().size())});
    append(point.values, summarise_sample(sample, drawn, means_));
  }

 private:
  void grow(StratifiedSample& sample, std::int64_t n, const PointEvaluator& evaluator, SampledImages& drawn) const {
    const std::vector<std::int64_t> images = sample.grow(n);
    const ImageLosses values = evaluator.evaluate(split_, images);
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto image = static_cast<std::size_t>(images[i]);
      drawn.losses.push_back(values.losses[i]);
      drawn.right.push_back(100.0 * values.correct[i]);
      drawn.margins.push_back(static_cast<double>(values.margins[i]));
      drawn.control_losses.push_back(static_cast<double>(control_.losses[image]));
      drawn.control_right.push_back(100.0 * control_.correct[image]);
    }
  }

  // n with S^2 (1/n - 1/N) = standard_error^2, S^2 as the pilot says.
  std::int64_t wanted(const StratifiedSample& sample, const SampledImages& pilot) const {
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
  ClassControl means_;
  double loss_mean_ = 0;   // of the control over all images
  double right_mean_ = 0;  // percent
};

}  // namespace

std::vector<std::string> sampled_names(const std::vector<LandscapeSplit>& splits, std::int64_t num_classes) {
  std::vector<std::string> names = {"cell"};
  for (const LandscapeSplit& split : splits) {
    for (std::string& name : estimate_names(split.name)) names.push_back(std::move(name));
    for (std::string& name : sample_summary_names(split.name, num_classes)) names.push_back(std::move(name));
  }
  return names;
}

nlohmann::json map_by_samples(MapRun& run) {
  const std::size_t reference = middle_point(run.grid());
  run.evaluate_points("landscape: reference", {reference}, [&](std::size_t) { return exact_point(run); });
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
