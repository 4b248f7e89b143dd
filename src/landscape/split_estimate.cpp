#include "landscape/split_estimate.h"

#include <algorithm>
#include <cmath>

namespace thalweg {

SplitEstimate exact_estimate(const ImageLosses& images, const std::vector<std::int64_t>& labels,
                             std::int64_t num_classes) {
  SplitEstimate out{{}, static_cast<std::int64_t>(images.losses.size())};
  for (const double value : summarise(images, labels, num_classes))
    out.values.push_back({value, std::isnan(value) ? value : 0});
  return out;
}

void add_weighted(SplitEstimate& sum, double weight, const SplitEstimate& value) {
  sum.values.resize(value.values.size());
  for (std::size_t k = 0; k < value.values.size(); ++k) {
    sum.values[k].mean += weight * value.values[k].mean;
    sum.values[k].standard_error += std::abs(weight) * value.values[k].standard_error;
  }
}

std::vector<std::string> estimate_names(const std::string& split, std::int64_t num_classes) {
  std::vector<std::string> names = summary_names(split, num_classes);
  const std::size_t values = names.size();
  for (std::size_t k = 0; k < values; ++k) {
    std::string name = names[k];
    name.insert(std::min(name.find('/'), name.size()), "_stderr");
    names.push_back(std::move(name));
  }
  names.push_back(split + "_images");
  return names;
}

void append(std::vector<double>& values, const SplitEstimate& estimate) {
  for (const Estimate& value : estimate.values) values.push_back(value.mean);
  for (const Estimate& value : estimate.values) values.push_back(value.standard_error);
  values.push_back(static_cast<double>(estimate.images));
}

SplitEstimate read_estimate(const double* begin, const double* end) {
  const auto count = static_cast<std::size_t>(end - begin - 1) / 2;
  SplitEstimate out{{}, static_cast<std::int64_t>(end[-1])};
  for (std::size_t k = 0; k < count; ++k) out.values.push_back({begin[k], begin[count + k]});
  return out;
}

}  // namespace thalweg
