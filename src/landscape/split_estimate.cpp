#include "landscape/split_estimate.h"

#include "landscape/split_summary.h"

namespace thalweg {

std::vector<std::string> estimate_names(const std::string& split) {
  std::vector<std::string> names;
  for (const char* what : {"_loss", "_acc", "_loss_stderr", "_acc_stderr", "_images"}) names.push_back(split + what);
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

}  // namespace thalweg
