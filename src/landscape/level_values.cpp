#include "landscape/level_values.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace thalweg {
namespace {

constexpr double kPassedOn = 0.5;  // of the largest surplus beside a point

double largest(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? INFINITY : std::max(a, b);
}

}  // namespace

LevelValues::LevelValues(const LevelGrid& levels)
    : levels_(levels),
      values_(levels.grid().size()),
      surplus_(levels.grid().size(), {INFINITY, INFINITY}),
      low_(INFINITY),
      high_(-INFINITY) {}

SplitEstimate LevelValues::interpolate(std::size_t point, std::size_t level) const {
  SplitEstimate out;
  for (const NodeWeight& w : levels_.around(point, level)) {
    const SplitEstimate& value = values_[w.node];
    out.loss.mean += w.weight * value.loss.mean;
    out.accuracy.mean += w.weight * value.accuracy.mean;
    out.loss.standard_error += std::abs(w.weight) * value.loss.standard_error;
    out.accuracy.standard_error += std::abs(w.weight) * value.accuracy.standard_error;
  }
  const Surplus doubt = doubts(point, level);
  out.loss.standard_error = std::hypot(out.loss.standard_error, doubt.loss);
  out.accuracy.standard_error = std::hypot(out.accuracy.standard_error, doubt.accuracy);
  return out;
}

LevelValues::Surplus LevelValues::doubts(std::size_t point, std::size_t level) const {
  Surplus out;
  for (const std::size_t corner : levels_.corners(point, level)) {
    out.loss = largest(out.loss, kPassedOn * surplus_[corner].loss);
    out.accuracy = largest(out.accuracy, kPassedOn * surplus_[corner].accuracy);
  }
  return out;
}

void LevelValues::keep(std::size_t point, const SplitEstimate& value, const Surplus& surplus) {
  values_[point] = value;
  surplus_[point] = surplus;
  if (!std::isfinite(value.loss.mean)) return;
  low_ = std::min(low_, value.loss.mean);
  high_ = std::max(high_, value.loss.mean);
}

void LevelValues::set(std::size_t point, const SplitEstimate& value) {
  const std::size_t level = levels_.level_of(point);
  if (level == 0) return keep(point, value, {INFINITY, INFINITY});
  const SplitEstimate guess = interpolate(point, level - 1);
  keep(point, value,
       {std::abs(value.loss.mean - guess.loss.mean), std::abs(value.accuracy.mean - guess.accuracy.mean)});
}

void LevelValues::interpolate_at(std::size_t point) {
  const std::size_t level = levels_.level_of(point) - 1;
  keep(point, interpolate(point, level), doubts(point, level));
}

void LevelValues::close(std::size_t level) {
  if (level == 0) return;
  std::map<std::size_t, Surplus> beside;
  for (const std::size_t point : levels_.points(level)) {
    for (const std::size_t corner : levels_.corners(point, level - 1)) {
      Surplus& most = beside[corner];
      most.loss = largest(most.loss, surplus_[point].loss);
      most.accuracy = largest(most.accuracy, surplus_[point].accuracy);
    }
  }
  for (const auto& [corner, surplus] : beside) surplus_[corner] = surplus;
}

}  // namespace thalweg
