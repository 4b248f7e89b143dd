#include "report/levels.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parse_number.h"

namespace thalweg {
namespace {

constexpr double kLogRatio = 5;        // from this ratio on, a linear scale hides the valley
constexpr double kOutlierRatio = 100;  // largest value over the 95th percentile

std::vector<double> finite_sorted(const std::vector<const std::vector<double>*>& surfaces) {
  std::vector<double> values;
  for (const auto* surface : surfaces) {
    std::copy_if(surface->begin(), surface->end(), std::back_inserter(values),
                 [](double v) { return std::isfinite(v); });
  }
  std::sort(values.begin(), values.end());
  return values;
}

// The range from the smallest to the largest value, or to the 95th percentile if there are outliers.
LevelScale range_of(const std::vector<double>& sorted) {
  LevelScale scale;
  if (sorted.empty()) return scale;
  scale.low = sorted.front();
  scale.high = sorted.back();
  const double bulk = sorted[(sorted.size() - 1) * 95 / 100];
  if (bulk > 0 && scale.high > kOutlierRatio * bulk && bulk > scale.low) scale.high = bulk;
  return scale;
}

void keep_inner_levels(LevelScale& scale) {
  std::erase_if(scale.levels, [&](double level) { return level <= scale.low || level >= scale.high; });
}

LevelScale with_linear_levels(LevelScale scale, std::size_t max_levels) {
  scale.levels = round_steps(scale.low, scale.high, std::max<std::size_t>(max_levels * 3 / 4, 1));
  keep_inner_levels(scale);
  return scale;
}

}  // namespace

double LevelScale::transform(double value) const {
  return log ? std::log(std::max(value, low)) : value;
}

double LevelScale::position(double value) const {
  const double a = transform(low), b = transform(high);
  return b > a ? std::clamp((transform(value) - a) / (b - a), 0.0, 1.0) : 0.5;
}

LevelScale choose_levels(const std::vector<const std::vector<double>*>& surfaces, std::size_t max_levels) {
  const std::vector<double> values = finite_sorted(surfaces);
  LevelScale scale = range_of(values);
  const auto positive = std::upper_bound(values.begin(), values.end(), 0.0);
  if (scale.low < 0 || positive == values.end() || scale.high < kLogRatio * *positive) {
    return with_linear_levels(scale, max_levels);
  }
  scale.log = true;
  scale.low = *positive;
  scale.levels = round_log_steps(scale.low, scale.high, max_levels);
  keep_inner_levels(scale);
  return scale;
}

LevelScale choose_linear_levels(const std::vector<const std::vector<double>*>& surfaces, std::size_t max_levels) {
  return with_linear_levels(range_of(finite_sorted(surfaces)), max_levels);
}

LevelScale choose_diverging_levels(const std::vector<const std::vector<double>*>& surfaces, std::size_t max_levels) {
  std::vector<double> sizes = finite_sorted(surfaces);
  for (double& value : sizes) value = std::abs(value);
  std::sort(sizes.begin(), sizes.end());
  LevelScale scale = range_of(sizes);
  scale.low = -scale.high;
  return with_linear_levels(scale, max_levels);
}

bool is_flat(double low, double high) {
  constexpr double kRounding = 1e-12;
  return high - low <= kRounding * std::max(std::abs(low), std::abs(high));
}

std::vector<double> round_steps(double low, double high, std::size_t count) {
  if (!(high > low) || is_flat(low, high) || count == 0 || !std::isfinite(high - low)) return {};
  const double rough = (high - low) / static_cast<double>(count);
  const double unit = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * unit;
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * unit >= rough * (1 - 1e-9)) {
      step = factor * unit;
      break;
    }
  }
  std::vector<double> steps;
  const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  for (double k = first; k <= last; ++k) steps.push_back(k == 0 ? 0 : k * step);
  return steps;
}

std::vector<double> round_log_steps(double low, double high, std::size_t count) {
  check(low > 0 && std::isfinite(high), "logarithmic steps need 0 < low and a finite high, got {} and {}", low, high);
  const std::vector<std::vector<double>> choices = {{1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9},
                                                    {1, 1.5, 2, 2.5, 3, 4, 5, 6, 8},
                                                    {1, 1.5, 2, 3, 5, 7},
                                                    {1, 2, 3, 5},
                                                    {1, 2, 5},
                                                    {1, 3},
                                                    {1}};
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::floor(std::log10(high)));
  std::vector<double> steps;
  for (const auto& factors : choices) {
    steps.clear();
    for (int decade = first; decade <= last; ++decade) {
      for (const double factor : factors) {
        const double step = factor * std::pow(10.0, decade);
        if (step >= low * (1 - 1e-12) && step <= high * (1 + 1e-12)) steps.push_back(step);
      }
    }
    if (steps.size() <= count) return steps;
  }
  std::vector<double> thinned;  // there are more decades than `count`
  const std::size_t stride = count == 0 ? steps.size() + 1 : (steps.size() + count - 1) / count;
  for (std::size_t k = 0; count > 0 && k < steps.size(); k += stride) thinned.push_back(steps[k]);
  return thinned;
}

std::string short_number(double value, int digits) {
  if (value == 0) return "0";
  const double size = std::abs(value);
  std::string text = fmt::format("{:.{}g}", value, size >= 1e4 || size < 1e-3 ? digits - 1 : digits);
  if (const auto e = text.find('e'); e != std::string::npos) {  // 1e-05 -> 1e-5
    const int exponent = std::stoi(text.substr(e + 1));
    text = fmt::format("{}e{}", text.substr(0, e), exponent);
  }
  return text;
}

std::vector<std::string> tick_texts(const std::vector<double>& values) {
  constexpr int kFewestDigits = 4, kMostDigits = 17;
  constexpr double kRounding = 0.02;  // of the smallest step
  double step = INFINITY;
  for (std::size_t i = 1; i < values.size(); ++i) step = std::min(step, values[i] - values[i - 1]);
  std::vector<std::string> texts(values.size());
  for (int digits = kFewestDigits; digits <= kMostDigits; ++digits) {
    std::ranges::transform(values, texts.begin(), [&](double value) { return short_number(value, digits); });
    const bool exact = std::ranges::equal(values, texts, [&](double value, const std::string& text) {
      return std::abs(value - parse_number<double>(text).value_or(INFINITY)) <= kRounding * step;
    });
    if (exact) break;
  }
  return texts;
}

}  // namespace thalweg
