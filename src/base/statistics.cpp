#include "base/statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace thalweg {

Statistic statistic_of(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / (count - 1)) : NAN};
}

MeanTest test_mean(const std::vector<double>& values, double confidence) {
  const Statistic statistic = statistic_of(values);
  MeanTest out{
      static_cast<std::int64_t>(values.size()), statistic.mean, statistic.deviation, -INFINITY, INFINITY, NAN, NAN};
  if (out.count < 2) return out;
  const double error = out.deviation / std::sqrt(static_cast<double>(out.count));
  const double reach = student_quantile(confidence, out.count - 1) * error;
  out.low = out.mean - reach;
  out.high = out.mean + reach;
  out.t = out.mean / error;
  out.p = 1 - student_within(std::abs(out.t), out.count - 1);
  return out;
}

double student_within(double t, std::int64_t freedom) {
  if (std::isnan(t)) return t;
  if (std::isinf(t)) return 1;
  const double angle = std::atan(t / std::sqrt(static_cast<double>(freedom)));
  const double cosine = std::cos(angle);
  const bool odd = freedom % 2 == 1;
  double term = odd ? cosine : 1, sum = 0;
  // Terms in cos^1, cos^3, ... or cos^0, cos^2, ..., up to cos^(freedom - 2).
  for (std::int64_t power = odd ? 1 : 0; power <= freedom - 2; power += 2) {
    sum += term;
    term *= cosine * cosine * static_cast<double>(power + 1) / static_cast<double>(power + 2);
  }
  if (odd) return 2 / std::numbers::pi * (angle + std::sin(angle) * sum);
  return std::sin(angle) * sum;
}

double student_quantile(double probability, std::int64_t freedom) {
  double high = 1;
  while (student_within(high, freedom) < probability) high *= 2;
  double low = 0;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (student_within(middle, freedom) < probability ? low : high) = middle;
  }
  return high;
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!std::isnan(p[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> out = p;
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, std::min(1.0, p[order[rank]] * static_cast<double>(order.size() - rank)));
    out[order[rank]] = largest;
  }
  return out;
}

double slope(const std::vector<double>& x, const std::vector<double>& y) {
  const double mean_x = statistic_of(x).mean;
  double products = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    products += (x[i] - mean_x) * (y[i] - y[0]);  // any shift of y will do; with y[0], equal values give exactly 0
    squares += (x[i] - mean_x) * (x[i] - mean_x);
  }
  return products / squares;
}

}  // namespace thalweg
