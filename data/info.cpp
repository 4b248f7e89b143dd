#include "data/info.h"

#include <array>
#include <cmath>

namespace thalweg {
namespace {

std::vector<std::int64_t> count_labels(const ImageSet& set, std::int64_t num_classes) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(num_classes), 0);
  const auto* labels = set.labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < set.size(); ++i) ++counts.at(static_cast<std::size_t>(labels[i]));
  return counts;
}

// Computed from the counts of the 256 values: the integer sums are exact for any number of images.
Normalisation measure(const at::Tensor& images) {
  const std::int64_t num_images = images.size(0);
  const std::int64_t num_channels = images.size(1);
  const std::int64_t num_pixels = images.size(2) * images.size(3);
  Normalisation measured;
  for (std::int64_t c = 0; c < num_channels; ++c) {
    std::array<std::int64_t, 256> counts{};
    for (std::int64_t i = 0; i < num_images; ++i) {
      const auto* pixels = images.data_ptr<std::uint8_t>() + (i * num_channels + c) * num_pixels;
      for (std::int64_t p = 0; p < num_pixels; ++p) ++counts[pixels[p]];
    }
    const auto total = static_cast<double>(num_images * num_pixels);
    std::int64_t sum = 0;
    for (std::int64_t value = 0; value < 256; ++value) sum += value * counts[static_cast<std::size_t>(value)];
    const double mean = static_cast<double>(sum) / total;
    double squares = 0;
    for (std::size_t value = 0; value < 256; ++value) {
      const double deviation = static_cast<double>(value) - mean;
      squares += deviation * deviation * static_cast<double>(counts[value]);
    }
    measured.mean.push_back(mean / 255);
    measured.std.push_back(std::sqrt(squares / total) / 255);
  }
  return measured;
}

}  // namespace

nlohmann::json describe_data(const DataSet& set) {
  const auto train = count_labels(set.train, set.num_classes());
  const auto test = count_labels(set.test, set.num_classes());
  nlohmann::json classes = nlohmann::json::array();
  for (std::size_t c = 0; c < set.class_names.size(); ++c) {
    classes.push_back({{"name", set.class_names[c]}, {"train", train[c]}, {"test", test[c]}});
  }
  const auto& images = set.train.images;
  return {{"name", set.config.name},
          {"digest", set.digest},
          {"image", {images.size(1), images.size(2), images.size(3)}},
          {"classes", classes},
          {"train_images", set.train.size()},
          {"test_images", set.test.size()},
          {"normalisation", set.normalisation},
          {"measured", measure(images)}};
}

}  // namespace thalweg
