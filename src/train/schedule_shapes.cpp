#include "train/schedule_shapes.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace thalweg {
namespace {

double between(double from, double to, Curve curve, double power, double q) {
  switch (curve) {
    case Curve::kHold:
      return from;
    case Curve::kLinear:
      return from + (to - from) * q;
    case Curve::kCosine: {
      // (1 + cos(pi * q)) / 2, avoiding cancellation near the end.
      const double half = std::cos(0.5 * std::numbers::pi * q);
      return to + (from - to) * half * half;
    }
    case Curve::kSqrt:
      return to + (from - to) * (1 - std::sqrt(q));
    case Curve::kPower:
      return to + (from - to) * std::pow(1 - q, power);
  }
  return to;
}

}  // namespace

double Piecewise::rate(std::int64_t t) const {
  const auto now = static_cast<double>(t);
  const auto next =
      std::upper_bound(knots.begin(), knots.end(), now, [](double at, const Knot& knot) { return at < knot.at; });
  if (next == knots.begin()) return knots.front().rate;
  const auto last = next - 1;
  if (next == knots.end()) return last->rate;
  return between(last->rate, next->rate, curve, power, (now - last->at) / (next->at - last->at));
}

std::vector<std::int64_t> Piecewise::changes(std::int64_t end) const {
  std::vector<std::int64_t> steps;
  for (const Knot& knot : knots) {
    const std::int64_t step = std::llround(knot.at);
    if (step < end) steps.push_back(step);
  }
  return steps;
}

double Staircase::rate(std::int64_t t) const {
  return lr * std::pow(factor, static_cast<double>(t / every));
}

std::vector<std::int64_t> Staircase::changes(std::int64_t end) const {
  std::vector<std::int64_t> steps;
  for (std::int64_t step = every; step < end; step += every) steps.push_back(step);
  return steps;
}

double InverseSqrt::rate(std::int64_t t) const {
  return lr * std::sqrt(static_cast<double>(timescale) / static_cast<double>(t + timescale));
}

double Cyclic::rate(std::int64_t t) const {
  const std::int64_t cycle = t / (up + down);
  const std::int64_t done = t % (up + down);
  const double height = done <= up ? static_cast<double>(done) / static_cast<double>(up)
                                   : static_cast<double>(up + down - done) / static_cast<double>(down);
  const double factor =
      std::pow(cycle_factor, static_cast<double>(cycle)) * std::pow(step_factor, static_cast<double>(t));
  return low + (high - low) * height * factor;
}

std::vector<std::int64_t> Cyclic::changes(std::int64_t end) const {
  std::vector<std::int64_t> steps;
  for (std::int64_t start = 0; start < end; start += up + down) {
    steps.push_back(start);
    if (start + up < end) steps.push_back(start + up);
  }
  return steps;
}

}  // namespace thalweg
