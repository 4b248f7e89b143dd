#include "landscape/betting_sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace thalweg {
namespace {

constexpr std::int64_t kFirstLook = 64;  // images, on which there are no bets
constexpr double kGrowthOfBound = 1.8;   // images grow with this power of 1 / half width: between 1 and 2
// The factors by which the sample grows from one look to the next.
constexpr double kLargestStep = 3, kLeastStepOfEstimate = 1.1, kLeastStepOfVerdict = 1.25;
constexpr double kLeastSlack = 1.0 / 3;  // of the tolerance: closer calls are approached step by step

// The sample size at the second look for a predicted number of bets: at least doubles the first look.
double images_of_second_look(double bets) {
  const auto first = static_cast<double>(kFirstLook);
  return first + std::max(first, bets);
}

}  // namespace

void BettingSample::grow(std::int64_t n) {
  const std::vector<double> values = draw(n);
  drawn_.values.insert(drawn_.values.end(), values.begin(), values.end());
  drawn_.looks.push_back(drawn_.values.size());
}

double BettingSample::mean() const {
  return std::accumulate(values().begin(), values().end(), 0.0) / static_cast<double>(size());
}

void BettingSample::look_first() {
  grow(std::min(kFirstLook, population_));
}

// The number of images that should reduce a half width to a goal, at the rate at which half widths usually shrink.
double BettingSample::images_for(double half_width, double goal) const {
  return static_cast<double>(size()) * std::pow(half_width / goal, kGrowthOfBound);
}

std::optional<double> BettingSample::draw_to(double goal, double failure, double cost) {
  const auto all = static_cast<double>(population_);
  look_first();
  double wanted = bets_wanted(drawn_, goal, failure), next = images_of_second_look(wanted);
  while (wanted * cost <= all && next <= all / 2) {
    grow(static_cast<std::int64_t>(next));
    const double half_width = this->half_width(failure), count = static_cast<double>(size());
    if (half_width <= goal) return half_width;
    wanted = images_for(half_width, goal);
    next = std::clamp(wanted, kLeastStepOfEstimate * count, kLargestStep * count);
  }
  return std::nullopt;
}

// A mean that is too large is accepted only by an interval that lies below it, one that is too small only by an
// interval above it. So each side of a two-sided interval with 2 `failure` has failure probability `failure`.
std::optional<BettingSample::Verdict> BettingSample::judge(const Claim& claim, double failure) {
  const auto all = static_cast<double>(population_);
  const auto deviation = [&] { return std::abs(mean() - claim.value); };
  const auto slack = [&] { return std::max(claim.tolerance - deviation(), kLeastSlack * claim.tolerance); };
  drawn_.reach = claim.reach;
  look_first();
  double next = images_of_second_look(bets_wanted(drawn_, slack(), 2 * failure));
  while (next <= all / 2) {
    grow(static_cast<std::int64_t>(next));
    const double half_width = this->half_width(2 * failure), count = static_cast<double>(size());
    if (!std::isfinite(half_width) || !std::isfinite(deviation())) return std::nullopt;
    if (std::abs(deviation() - claim.tolerance) >= half_width)
      return Verdict{deviation(), deviation() > claim.tolerance};
    next = std::clamp(images_for(half_width, slack()), kLeastStepOfVerdict * count, kLargestStep * count);
  }
  return std::nullopt;
}

}  // namespace thalweg
