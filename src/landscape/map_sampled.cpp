// A sampled map. The grid's middle point is evaluated on all images; its losses, margins and right answers, known for
// every image, are the control of all other points (sampling.h). All points use the same sample, so differences between
// them are less noisy than the standard errors suggest.
#include "landscape/map_run.h"
#include "landscape/sampled_split.h"

namespace thalweg {
namespace {

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
