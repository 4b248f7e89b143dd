#include "landscape/preview.h"

#include <algorithm>
#include <cmath>

#include "landscape/map_run.h"
#include "landscape/sampling.h"
#include "landscape/split_summary.h"

namespace thalweg {
namespace {

constexpr std::int64_t kImages = 200;   // of each split, and for batch norm's statistics
constexpr double kLargestShare = 0.01;  // of the map's work

struct PreviewSplit {
  const LandscapeSplit& split;
  std::vector<std::int64_t> images;
  std::vector<std::int64_t> labels;  // of these images
};

std::vector<PreviewSplit> sampled_splits(const PointEvaluator& evaluator, const MapRun& run) {
  std::vector<PreviewSplit> splits;
  for (const LandscapeSplit& split : evaluator.splits()) {
    const StratifiedSample::Name name{static_cast<std::uint64_t>(run.config().seed), split.name == "test",
                                      kPreviewImages};
    const std::vector<std::int64_t> images = class_sample(split.labels, run.num_classes(), kImages, name);
    splits.push_back({split, images, labels_of(split, images)});
  }
  return splits;
}

// Whether estimating so many points takes little of the map's work. In units of an image's forward pass.
bool is_cheap(std::size_t points, const MapRun& run) {
  const PointEvaluator& evaluator = run.evaluator();
  std::int64_t images = std::min(kImages, evaluator.statistics_images());
  for (const LandscapeSplit& split : evaluator.splits()) images += std::min(kImages, split.images.size());
  const double at_point = static_cast<double>(evaluator.statistics_images()) + images_at_point(run.config(), evaluator);
  return static_cast<double>(points) * static_cast<double>(images) <=
         kLargestShare * static_cast<double>(run.grid().size()) * at_point;
}

// Within the range of the nodes, since cubics overshoot. Without the nodes that are not finite, of which a single one
// would otherwise spoil all points around; NaN if none is left.
double interpolated(const std::vector<NodeWeight>& around, const double* values) {
  double sum = 0, weights = 0, low = INFINITY, high = -INFINITY;
  bool all_finite = true;
  for (const NodeWeight& w : around) {
    const double value = values[w.node];
    if (!std::isfinite(value)) {
      all_finite = false;
      continue;
    }
    low = std::min(low, value);
    high = std::max(high, value);
    sum += w.weight * value;
    weights += w.weight;
  }
  if (!(low <= high)) return NAN;
  return all_finite || weights > 0.5 ? std::clamp(sum / weights, low, high) : (low + high) / 2;
}

}  // namespace

void Preview::estimate(const PointEvaluator::Source& source, MapRun& run) {
  // A GPU needs only seconds for these points, and batch norm by batch cannot evaluate a part of the images.
  if (source.device.is_cuda() || run.evaluator().may_fall_back() || run.config().bn == BnMode::kBatch) return;
  std::vector<std::size_t> points = levels_.points(0);
  std::erase_if(points, [&](std::size_t point) { return run.journal().has(point); });
  if (points.empty() || levels_.count() == 1 || !is_cheap(points.size(), run)) return;
  LandscapeConfig config = run.config();
  config.bn_images = std::min(config.bn_images, kImages);
  PointEvaluator evaluator({source.plane, source.graph, source.data, source.device}, config, config.precision);
  const std::vector<PreviewSplit> splits = sampled_splits(evaluator, run);
  run.for_each("landscape: preview", points, [&](std::size_t point) {
    evaluator.prepare({run.at(point)});
    evaluator.use(0);
    std::vector<double>& values = estimates_[point];
    for (const PreviewSplit& sampled : splits) {
      const std::vector<double> of_split =
          summarise(evaluator.evaluate(sampled.split, sampled.images), sampled.labels, run.num_classes());
      values.insert(values.end(), of_split.begin(), of_split.end());
    }
  });
}

void Preview::fill(Surface& surface) const {
  std::vector<double>& cell = surface.values.at("cell");
  const auto is_missing = [&](std::size_t point) { return cell[point] == static_cast<double>(Cell::kMissing); };
  std::vector<double*> layers;
  for (const std::string& name : names_) layers.push_back(layer(surface, name));
  for (const auto& [point, values] : estimates_) {
    if (!is_missing(point)) continue;
    cell[point] = static_cast<double>(Cell::kEstimated);
    for (std::size_t k = 0; k < layers.size(); ++k) layers[k][point] = values[k];
  }
  std::size_t complete = 0;  // number of complete levels
  while (complete < levels_.count() && std::ranges::none_of(levels_.points(complete), is_missing)) ++complete;
  if (complete == 0) return;
  for (std::size_t point = 0; point < cell.size(); ++point) {
    if (!is_missing(point)) continue;
    cell[point] = static_cast<double>(Cell::kInterpolated);
    const std::vector<NodeWeight> around = levels_.around(point, complete - 1);
    for (double* const values : layers) values[point] = interpolated(around, values);
  }
}

}  // namespace thalweg
