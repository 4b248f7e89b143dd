#include "landscape/split_estimate.h"

#include "landscape/kept_images.h"
#include "landscape/split_summary.h"

namespace thalweg {

std::vector<std::string> sampled_names(const std::vector<LandscapeSplit>& splits) {
  std::vector<std::string> names = {"cell"};
  for (const LandscapeSplit& split : splits) {
    for (const char* what : {"_loss", "_acc", "_loss_stderr", "_acc_stderr", "_images"})
      names.push_back(split.name + what);
  }
  return names;
}

SplitEstimate exact_value(const ImageLosses& images) {
  return {{mean_loss(images), 0}, {accuracy_percent(images), 0}, static_cast<std::int64_t>(images.losses.size())};
}

void append(Journal::Point& point, const SplitEstimate& value) {
  for (const double v : {value.loss.mean, value.accuracy.mean, value.loss.standard_error, value.accuracy.standard_error,
                         static_cast<double>(value.images)}) {
    point.values.push_back(v);
  }
}

Journal::Point exact_point(const PointEvaluator& evaluator) {
  Journal::Point point{{static_cast<double>(Cell::kExact)}, {}};
  std::vector<ImageLosses> all;
  for (const LandscapeSplit& split : evaluator.splits()) {
    all.push_back(evaluator.evaluate(split));
    append(point, exact_value(all.back()));
  }
  point.images = to_bytes(all);
  return point;
}

}  // namespace thalweg
