#include "landscape/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace thalweg {
namespace {

// The number of images as which the variance within all strata counts beside a stratum's own. For residuals of cubic
// guesses of 100 classes, with 128 to 500 images drawn, 54 to 76 % of the intervals held for classes with 2 to 4
// images; with this, 93 % and more.
constexpr double kPooled = 5;

// The least degrees of freedom to fit beta with. With a single one the fit leaves no residual, and the standard error
// would be 0.
constexpr double kLeastFreedom = 2;

struct Moments {
  double mean = 0;
  double variance = 0;  // sample variance; for a single finite image, `pooled`
  double count = 0;
  double pooled = 0;  // variance within all strata with finite values
};

std::vector<Moments> stratum_moments(const Drawn& drawn, const std::vector<double>& values) {
  std::vector<Moments> all(drawn.sizes.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    Moments& m = all[static_cast<std::size_t>(drawn.strata[i])];
    m.count += 1;
    const double before = values[i] - m.mean;
    m.mean += before / m.count;
    m.variance += before * (values[i] - m.mean);
  }
  double squares = 0, freedom = 0;
  for (const Moments& m : all) {
    if (!std::isfinite(m.variance)) continue;
    squares += m.variance;
    freedom += std::max(m.count - 1, 0.0);
  }
  for (Moments& m : all) {
    m.pooled = freedom > 0 ? squares / freedom : 0;
    m.variance = m.count > 1 ? m.variance / (m.count - 1) : m.variance + m.pooled;
  }
  return all;
}

double population(const Drawn& drawn) {
  return static_cast<double>(std::accumulate(drawn.sizes.begin(), drawn.sizes.end(), std::int64_t{0}));
}

// W_h^2 (1 - n_h / N_h) / n_h: the weight of a stratum's variance in that of the mean.
double variance_weight(double size, double count, double total) {
  return count == 0 ? 0 : size / total * (size / total) * (1 - count / size) / count;
}

Estimate mean_of(const Drawn& drawn, const std::vector<double>& values) {
  const std::vector<Moments> moments = stratum_moments(drawn, values);
  const double total = population(drawn);
  Estimate estimate;
  double variance = 0;
  for (std::size_t h = 0; h < moments.size(); ++h) {
    const auto size = static_cast<double>(drawn.sizes[h]);
    estimate.mean += size / total * moments[h].mean;
    variance += variance_weight(size, moments[h].count, total) * moments[h].variance;
  }
  estimate.standard_error = std::sqrt(variance);
  return estimate;
}

// A control's factor beta, and the factor for standard errors that accounts for the degree of freedom used by beta.
struct ControlFit {
  double beta = 0;
  double error_factor = 1;
};

// Fits one beta for all strata. If each stratum chose its own, beta would follow chance in strata with few draws: for
// the losses of CIFAR-10's classes at points of a trained VGG-11's plane, 67 % of the intervals held with 10 images per
// class and 87 % with 40; with one beta and a pooled variance, 95 and 94 % held, and the errors themselves were 60 and
// 10 % smaller. Returns a beta of 0, which ignores the control, if the control is not finite for some image, or if too
// few images tell beta: only those of strata that are not drawn completely, and whose values are finite, do.
ControlFit fit_control(const Drawn& drawn, const std::vector<double>& values, const std::vector<double>& control) {
  if (!std::ranges::all_of(control, [](double v) { return std::isfinite(v); })) return {};
  const std::vector<Moments> x = stratum_moments(drawn, control), y = stratum_moments(drawn, values);
  const double total = population(drawn);
  double freedom = 0;
  std::vector<double> weights(x.size());
  for (std::size_t h = 0; h < x.size(); ++h) {
    const auto size = static_cast<double>(drawn.sizes[h]);
    if (x[h].count < 2 || x[h].count >= size || !std::isfinite(x[h].variance) || !std::isfinite(y[h].variance))
      continue;
    freedom += x[h].count - 1;
    weights[h] = variance_weight(size, x[h].count, total) / (x[h].count - 1);
  }
  double covariance = 0, variance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto h = static_cast<std::size_t>(drawn.strata[i]);
    if (weights[h] == 0) continue;
    covariance += weights[h] * (control[i] - x[h].mean) * (values[i] - y[h].mean);
    variance += weights[h] * (control[i] - x[h].mean) * (control[i] - x[h].mean);
  }
  if (freedom < kLeastFreedom || !(variance > 0) || !std::isfinite(covariance / variance)) return {};
  return {covariance / variance, std::sqrt(freedom / (freedom - 1))};
}

std::vector<double> without_control(const std::vector<double>& values, const std::vector<double>& control,
                                    double beta) {
  std::vector<double> rest(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) rest[i] = values[i] - beta * control[i];
  return rest;
}

Estimate mean_of(const Drawn& drawn, const std::vector<double>& values, const std::vector<double>& control,
                 double control_mean) {
  const ControlFit fit = std::isfinite(control_mean) ? fit_control(drawn, values, control) : ControlFit();
  if (fit.beta == 0) return mean_of(drawn, values);
  const Estimate rest = mean_of(drawn, without_control(values, control, fit.beta));
  return {rest.mean + fit.beta * control_mean, rest.standard_error * fit.error_factor};
}

Estimate with_floor(double count, double total, double one, Estimate estimate) {
  const double left = std::max(1 - count / total, 0.0);
  estimate.standard_error = std::max(estimate.standard_error, one * std::sqrt(left / 2) / (count + 1));
  return estimate;
}

Estimate with_floor(const Drawn& drawn, double one, Estimate estimate) {
  return with_floor(static_cast<double>(drawn.strata.size()), population(drawn), one, estimate);
}

}  // namespace

Strata class_strata(const std::vector<std::int64_t>& labels, std::int64_t num_classes) {
  Strata strata{std::vector<std::int32_t>(labels.size()),
                std::vector<std::int64_t>(static_cast<std::size_t>(num_classes))};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    strata.of[i] = static_cast<std::int32_t>(labels[i]);
    ++strata.sizes[static_cast<std::size_t>(labels[i])];
  }
  return strata;
}

Strata one_stratum(std::int64_t n) {
  return {std::vector<std::int32_t>(static_cast<std::size_t>(n), 0), {n}};
}

StratifiedSample::StratifiedSample(const Strata& strata, std::vector<double> shares, const Name& name)
    : sizes_(strata.sizes), shares_(std::move(shares)), members_(sizes_.size()), drawn_(sizes_.size()) {
  for (std::size_t h = 0; h < sizes_.size(); ++h) {
    members_[h].reserve(static_cast<std::size_t>(sizes_[h]));
    random_.emplace_back(name.seed, RngPurpose::kSample, name.a, name.b ^ static_cast<std::uint32_t>(h << 16));
  }
  for (std::size_t i = 0; i < strata.of.size(); ++i) {
    members_[static_cast<std::size_t>(strata.of[i])].push_back(static_cast<std::int64_t>(i));
  }
}

// Allocates in proportion to the shares; the excess of a full stratum goes to the others.
std::vector<std::int64_t> StratifiedSample::allocate(std::int64_t n) const {
  std::vector<std::int64_t> counts(sizes_.size());
  std::vector<bool> full(sizes_.size(), false);
  auto left = static_cast<double>(n);
  double shares = std::accumulate(shares_.begin(), shares_.end(), 0.0);
  for (bool changed = true; changed && shares > 0;) {
    changed = false;
    const double taken = left, whole = shares;
    for (std::size_t h = 0; h < sizes_.size(); ++h) {
      if (full[h] || shares_[h] / whole * taken < static_cast<double>(sizes_[h])) continue;
      full[h] = changed = true;
      left -= static_cast<double>(sizes_[h]);
      shares -= shares_[h];
    }
  }
  for (std::size_t h = 0; h < sizes_.size(); ++h) {
    const auto part = full[h] || shares <= 0 ? sizes_[h] : std::llround(shares_[h] / shares * std::max(left, 0.0));
    counts[h] = std::clamp<std::int64_t>(part, std::min<std::int64_t>(2, sizes_[h]), sizes_[h]);
  }
  return counts;
}

// A partial Fisher-Yates shuffle. Each stratum has a stream of its own, so growing in steps draws the same images as
// growing at once.
void StratifiedSample::draw(std::size_t stratum, std::int64_t count) {
  std::vector<std::int64_t>& members = members_[stratum];
  for (std::int64_t& k = drawn_[stratum]; k < count; ++k) {
    const std::int64_t other = k + random_[stratum].below(static_cast<std::uint32_t>(sizes_[stratum] - k));
    std::swap(members[static_cast<std::size_t>(k)], members[static_cast<std::size_t>(other)]);
    images_.push_back(members[static_cast<std::size_t>(k)]);
    strata_.push_back(static_cast<std::int32_t>(stratum));
  }
}

std::vector<std::int64_t> StratifiedSample::grow(std::int64_t n) {
  const std::size_t before = images_.size();
  const std::vector<std::int64_t> counts = allocate(n);
  for (std::size_t h = 0; h < counts.size(); ++h) draw(h, counts[h]);
  return {images_.begin() + static_cast<std::ptrdiff_t>(before), images_.end()};
}

std::vector<std::int64_t> class_sample(const std::vector<std::int64_t>& labels, std::int64_t num_classes,
                                       std::int64_t n, const StratifiedSample::Name& name) {
  const Strata strata = class_strata(labels, num_classes);
  StratifiedSample sample(strata, {strata.sizes.begin(), strata.sizes.end()}, name);
  return sample.grow(std::min(n, static_cast<std::int64_t>(labels.size())));
}

Estimate estimate_mean(const Drawn& drawn, const std::vector<double>& values, double one) {
  return with_floor(drawn, one, mean_of(drawn, values));
}

Estimate estimate_mean(const Drawn& drawn, const std::vector<double>& values, const std::vector<double>& control,
                       double control_mean, double one) {
  return with_floor(drawn, one, mean_of(drawn, values, control, control_mean));
}

std::vector<Estimate> estimate_strata(const Drawn& drawn, const std::vector<double>& values, double one) {
  const std::vector<Moments> moments = stratum_moments(drawn, values);
  const bool known =
      std::ranges::any_of(moments, [](const Moments& m) { return m.count > 1 && std::isfinite(m.variance); });
  const std::vector<std::int32_t> together(values.size(), 0);
  const std::vector<std::int64_t> everyone = {static_cast<std::int64_t>(population(drawn))};
  const Moments all = stratum_moments({everyone, together}, values).front();
  std::vector<Estimate> out;
  for (std::size_t h = 0; h < moments.size(); ++h) {
    const auto size = static_cast<double>(drawn.sizes[h]);
    const Moments& m = moments[h];
    if (size == 0) {
      out.push_back({std::nan(""), std::nan("")});
    } else if (m.count == 0) {
      out.push_back(with_floor(0, size, one, {all.mean, std::sqrt(all.variance)}));
    } else {
      const double pooled = known ? m.pooled : all.variance;
      const double variance = ((m.count - 1) * m.variance + kPooled * pooled) / (m.count - 1 + kPooled);
      out.push_back(with_floor(m.count, size, one, {m.mean, std::sqrt((1 - m.count / size) / m.count * variance)}));
    }
  }
  return out;
}

std::vector<Estimate> estimate_strata(const Drawn& drawn, const std::vector<double>& values,
                                      const std::vector<double>& control, const std::vector<double>& control_means,
                                      double one) {
  bool finite = true;
  for (std::size_t h = 0; h < control_means.size(); ++h)
    finite = finite && (drawn.sizes[h] == 0 || std::isfinite(control_means[h]));
  const ControlFit fit = finite ? fit_control(drawn, values, control) : ControlFit();
  if (fit.beta == 0) return estimate_strata(drawn, values, one);
  std::vector<Estimate> out = estimate_strata(drawn, without_control(values, control, fit.beta), one);
  for (std::size_t h = 0; h < out.size(); ++h) {
    out[h].mean += fit.beta * control_means[h];
    out[h].standard_error *= fit.error_factor;
  }
  return out;
}

}  // namespace thalweg
