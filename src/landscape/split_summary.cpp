#include "landscape/split_summary.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace thalweg {
namespace {

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

void append_quantiles(std::vector<double> losses, std::vector<double>& out) {
  const bool nan = std::any_of(losses.begin(), losses.end(), [](double loss) { return std::isnan(loss); });
  auto begin = losses.begin();
  for (const double share : kLossQuantiles) {
    if (nan || losses.empty()) {
      out.push_back(std::nan(""));
      continue;
    }
    const auto rank = std::max(1.0, std::ceil(share * static_cast<double>(losses.size())));
    const auto place = losses.begin() + static_cast<std::ptrdiff_t>(rank) - 1;
    if (place >= begin) std::nth_element(begin, place, losses.end());
    begin = place;
    out.push_back(*place);
  }
}

}  // namespace

double mean_loss(const ImageLosses& images) {
  return mean_of(images.losses);
}

double accuracy_percent(const ImageLosses& images) {
  std::int64_t right = 0;
  for (const std::int32_t correct : images.correct) right += correct;
  return 100.0 * static_cast<double>(right) / static_cast<double>(images.correct.size());
}

std::vector<std::string> summary_names(const std::string& split, std::int64_t num_classes) {
  std::vector<std::string> names = {split + "_loss", split + "_acc", split + "_margin"};
  for (const double share : kLossQuantiles) names.push_back(fmt::format("{}_loss_q{:02.0f}", split, 100 * share));
  for (const char* what : {"loss", "acc"}) {
    for (std::int64_t c = 0; c < num_classes; ++c) names.push_back(fmt::format("{}_class_{}/{}", split, what, c));
  }
  return names;
}

std::vector<std::int64_t> labels_of(const LandscapeSplit& split, const std::vector<std::int64_t>& images) {
  std::vector<std::int64_t> labels;
  for (const std::int64_t image : images) labels.push_back(split.labels[static_cast<std::size_t>(image)]);
  return labels;
}

std::vector<double> summarise(const ImageLosses& images, const std::vector<std::int64_t>& labels,
                              std::int64_t num_classes) {
  const auto classes = static_cast<std::size_t>(num_classes);
  std::vector<double> count(classes, 0), loss(classes, 0), right(classes, 0);
  double margin = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto c = static_cast<std::size_t>(labels[i]);
    count[c] += 1;
    loss[c] += images.losses[i];
    right[c] += images.correct[i];
    margin += static_cast<double>(images.margins[i]);
  }
  std::vector<double> out = {mean_loss(images), accuracy_percent(images), margin / static_cast<double>(labels.size())};
  append_quantiles(images.losses, out);
  for (std::size_t c = 0; c < classes; ++c) out.push_back(loss[c] / count[c]);
  for (std::size_t c = 0; c < classes; ++c) out.push_back(100 * right[c] / count[c]);
  return out;
}

}  // namespace thalweg
