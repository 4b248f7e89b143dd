#include "landscape/betting.h"

#include <algorithm>
#include <cmath>

namespace thalweg {
namespace {

constexpr double kWiden = 0.5;          // widening on each side, as a share of the range of the draws
constexpr double kLargestStake = 0.75;  // share of the capital
constexpr int kHalvings = 20;           // bisection steps for each end of the interval
// The weight of Bernstein's range term in bets_wanted, measured on residuals of real planes.
constexpr double kRangeTerm = 0.2;

struct Range {
  double low, high;

  double width() const { return high - low; }
};

Range range_of(const LookedAt& drawn) {
  const auto [least, most] = std::minmax_element(drawn.values.begin(), drawn.values.end());
  const double widened = kWiden * (*most - *least);
  const Range drawn_twice{*least - widened, *most + widened};
  if (drawn.reach == 0) return drawn_twice;
  return {std::min(drawn_twice.low, -drawn.reach), std::max(drawn_twice.high, drawn.reach)};
}

// The bets on draws scaled to [0, 1].
struct Bets {
  std::vector<double> value;  // value of the draw
  std::vector<double> sum;    // sum of the draws before it
  std::vector<double> rest;   // values not yet drawn before it
  std::vector<double> rate;   // the stake on it
};

Bets prepare(const LookedAt& drawn, const Range& range, double all, double log_term) {
  Bets bets;
  double sum = 0, squares = 0.25;
  std::size_t look = 1;
  for (std::size_t i = 0; i < drawn.values.size(); ++i) {
    const double x = (drawn.values[i] - range.low) / range.width(), before = static_cast<double>(i);
    if (i >= drawn.looks.front()) {
      while (i >= drawn.looks[look]) ++look;
      const auto planned = static_cast<double>(drawn.looks[look] - drawn.looks.front());
      bets.value.push_back(x);
      bets.sum.push_back(sum);
      bets.rest.push_back(all - before);
      bets.rate.push_back(std::sqrt(2 * log_term / (planned * squares / (before + 1))));
    }
    sum += x;
    const double mean = (0.5 + sum) / (before + 2);
    squares += (x - mean) * (x - mean);
  }
  return bets;
}

// Whether bets that the mean is smaller (side -1) or larger (side +1) than `mean` made anyone rich.
bool is_refuted(const Bets& bets, double mean, double side, double all, double log_term) {
  double capital = 0;  // the logarithm of the capital
  for (std::size_t i = 0; i < bets.value.size(); ++i) {
    const double left = (all * mean - bets.sum[i]) / bets.rest[i];  // the mean of the values not yet drawn
    const double at_stake = side > 0 ? left : 1 - left;             // lost in the worst case
    if (at_stake <= 0) return true;
    capital += std::log1p(side * std::min(bets.rate[i], kLargestStake / at_stake) * (bets.value[i] - left));
  }
  return capital >= log_term;
}

}  // namespace

double betting_half_width(const LookedAt& drawn, std::int64_t population, double failure) {
  const std::vector<double>& values = drawn.values;
  if (!std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); })) return INFINITY;
  const auto all = static_cast<double>(population), count = static_cast<double>(values.size());
  if (count >= all) return 0;
  if (drawn.looks.size() < 2) return INFINITY;
  const Range range = range_of(drawn);
  if (range.width() == 0) return 0;
  const double log_term = std::log(2 / failure);
  const Bets bets = prepare(drawn, range, all, log_term);
  double mean = 0;
  for (const double value : values) mean += (value - range.low) / range.width() / count;
  double width = 0;
  for (const double side : {-1.0, 1.0}) {
    double inside = mean, outside = side > 0 ? 0 : 1;
    for (int k = 0; k < kHalvings; ++k) {
      const double middle = (inside + outside) / 2;
      (is_refuted(bets, middle, side, all, log_term) ? outside : inside) = middle;
    }
    width = std::max(width, std::abs(outside - mean));
  }
  return range.width() * width;
}

double bets_wanted(const LookedAt& drawn, double half_width, double failure) {
  const std::vector<double>& values = drawn.values;
  const auto count = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / count;
  for (const double value : values) squares += (value - mean) * (value - mean);
  if (!std::isfinite(squares) || count < 2) return INFINITY;
  const double log_term = std::log(2 / failure);
  const double spread = std::sqrt(squares / (count - 1)) * std::sqrt(2 * log_term);
  const double range = kRangeTerm * log_term * range_of(drawn).width();
  const double root = (spread + std::sqrt(spread * spread + 4 * range * half_width)) / (2 * half_width);
  return root * root;
}

}  // namespace thalweg
