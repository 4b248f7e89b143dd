#include "landscape/sample_summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace thalweg {
namespace {

constexpr double kNormal95 = 1.959963984540054;  // of a normal distribution, 95 % lie within so many deviations

// The distribution of the losses over all images, as the sample has it.
class LossDistribution {
 public:
  LossDistribution(const StratifiedSample& sample, const std::vector<double>& losses) : losses_(losses) {
    std::vector<double> drawn(sample.sizes().size(), 0);
    for (const std::int32_t h : sample.strata()) ++drawn[static_cast<std::size_t>(h)];
    order_.resize(losses.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return losses[a] < losses[b]; });
    for (const std::size_t i : order_) {
      const auto h = static_cast<std::size_t>(sample.strata()[i]);
      total_ += static_cast<double>(sample.sizes()[h]) / drawn[h];
      up_to_.push_back(total_);
    }
  }

  double quantile(double share) const {
    // What makes up the share but for rounding does make it up.
    const double wanted = std::clamp(share, 0.0, 1.0) * total_ * (1 - 1e-12);
    const auto place = std::lower_bound(up_to_.begin(), up_to_.end(), wanted);
    return losses_[order_[std::min(static_cast<std::size_t>(place - up_to_.begin()), order_.size() - 1)]];
  }

 private:
  const std::vector<double>& losses_;
  std::vector<std::size_t> order_;  // by loss
  std::vector<double> up_to_;       // images that a loss and smaller ones stand for, by order_
  double total_ = 0;
};

std::array<Estimate, kLossQuantiles.size()> estimate_quantiles(const StratifiedSample& sample,
                                                               const std::vector<double>& losses) {
  std::array<Estimate, kLossQuantiles.size()> quantiles;
  quantiles.fill({std::nan(""), std::nan("")});
  if (losses.empty() || std::any_of(losses.begin(), losses.end(), [](double loss) { return std::isnan(loss); }))
    return quantiles;
  const LossDistribution distribution(sample, losses);
  std::vector<double> below(losses.size());
  for (std::size_t q = 0; q < quantiles.size(); ++q) {
    const double share = kLossQuantiles[q], value = distribution.quantile(share);
    std::transform(losses.begin(), losses.end(), below.begin(), [&](double loss) { return loss <= value ? 1 : 0; });
    const double reach = kNormal95 * estimate_mean(sample, below, /*one=*/1).standard_error;
    const double width = distribution.quantile(share + reach) - distribution.quantile(share - reach);
    quantiles[q] = {value, width / (2 * kNormal95)};
  }
  return quantiles;
}

}  // namespace

SampleSummary summarise_sample(const StratifiedSample& sample, const SampledImages& images,
                               const ClassControl& control) {
  SampleSummary out{estimate_mean(sample, images.margins), estimate_quantiles(sample, images.losses), {}, {}};
  constexpr Estimate kNone{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  for (std::size_t c = 0; c < sample.sizes().size(); ++c) {
    const bool any = sample.sizes()[c] > 0;
    out.class_loss.push_back(any ? estimate_stratum(sample, c, images.losses, images.control_losses, control.loss[c])
                                 : kNone);
    out.class_accuracy.push_back(
        any ? estimate_stratum(sample, c, images.right, images.control_right, control.right[c], /*one=*/100) : kNone);
  }
  return out;
}

SampleSummary exact_summary(const ImageLosses& images, const std::vector<std::int64_t>& labels,
                            std::int64_t num_classes) {
  const std::vector<double> values = summarise(images, labels, num_classes);
  auto next = values.begin() + 2;  // loss and accuracy stand in front
  const auto take = [&] {
    const double value = *next++;
    return Estimate{value, std::isnan(value) ? value : 0};
  };
  SampleSummary out;
  out.margin = take();
  for (Estimate& quantile : out.quantiles) quantile = take();
  for (std::int64_t c = 0; c < num_classes; ++c) out.class_loss.push_back(take());
  for (std::int64_t c = 0; c < num_classes; ++c) out.class_accuracy.push_back(take());
  return out;
}

std::vector<std::string> sample_summary_names(const std::string& split, std::int64_t num_classes) {
  const std::vector<std::string> exact = summary_names(split, num_classes);
  std::vector<std::string> names(exact.begin() + 2, exact.end());
  for (auto name = exact.begin() + 2; name != exact.end(); ++name) {
    const std::size_t slash = std::min(name->find('/'), name->size());
    names.push_back(name->substr(0, slash) + "_stderr" + name->substr(slash));
  }
  return names;
}

void append(std::vector<double>& values, const SampleSummary& summary) {
  std::vector<Estimate> all = {summary.margin};
  all.insert(all.end(), summary.quantiles.begin(), summary.quantiles.end());
  all.insert(all.end(), summary.class_loss.begin(), summary.class_loss.end());
  all.insert(all.end(), summary.class_accuracy.begin(), summary.class_accuracy.end());
  for (const Estimate& estimate : all) values.push_back(estimate.mean);
  for (const Estimate& estimate : all) values.push_back(estimate.standard_error);
}

}  // namespace thalweg
