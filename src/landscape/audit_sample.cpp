#include "landscape/audit_sample.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace thalweg {
namespace {

// The draws needed until a betting interval with a failure probability of 1 % on either side is 0.8 tolerances wide on
// both sides, if the values hardly spread and have a reach of one tolerance: 1.33 log(100) / 0.8.
constexpr double kDrawsOfReach = 8;

}  // namespace

AuditSample::AuditSample(const GuessSample::Point& point, const StratifiedSample::Name& name, double tolerance)
    : AuditSample(point, name, tolerance, part(point.guess, tolerance)) {}

AuditSample::AuditSample(const GuessSample::Point& point, const StratifiedSample::Name& name, double tolerance,
                         Parts parts)
    : BettingSample(static_cast<std::int64_t>(parts.others.size())),
      point_(point),
      tolerance_(tolerance),
      parts_(std::move(parts)),
      sample_(one_stratum(population()), {1.0}, name) {}

// Chooses the number of extremes, at most half of the images, that minimises the sum of extremes and expected draws.
AuditSample::Parts AuditSample::part(const ImageGuess::Guess& guess, double tolerance) {
  const std::vector<float> spreads = guess_spreads(guess);
  const auto all = static_cast<double>(spreads.size());
  double fewest = kDrawsOfReach * *std::max_element(spreads.begin(), spreads.end()) / tolerance;
  std::vector<float> largest(static_cast<std::size_t>(std::min(fewest, all / 2)) + 1);
  std::partial_sort_copy(spreads.begin(), spreads.end(), largest.begin(), largest.end(), std::greater<>());
  Parts out{{}, {}, largest.front()};
  for (std::size_t k = 1; k < largest.size(); ++k) {
    const auto extremes = static_cast<double>(k);
    const double images = extremes + kDrawsOfReach * largest[k] / tolerance * (1 - extremes / all);
    if (images >= fewest) continue;
    fewest = images;
    out.reach = largest[k];
  }
  for (std::size_t i = 0; i < spreads.size(); ++i)
    (spreads[i] > out.reach ? out.extremes : out.others).push_back(static_cast<std::int64_t>(i));
  return out;
}

std::vector<double> AuditSample::lacks(const std::vector<std::int64_t>& images) const {
  if (images.empty()) return {};
  const ImageLosses values = point_.evaluator.evaluate(point_.split, images);
  std::vector<double> out;
  for (std::size_t i = 0; i < images.size(); ++i)
    out.push_back(values.losses[i] - guessed_loss(point_.guess, static_cast<std::size_t>(images[i])));
  return out;
}

std::vector<double> AuditSample::draw(std::int64_t n) {
  std::vector<std::int64_t> images;
  for (const std::int64_t k : sample_.grow(n)) images.push_back(parts_.others[static_cast<std::size_t>(k)]);
  return lacks(images);
}

// The mean over all images is within the tolerance of the value if the mean of the others is within a correspondingly
// wider tolerance of the remainder that the extremes leave.
std::optional<BettingSample::Verdict> AuditSample::judge(double value, double failure) {
  const std::vector<double> extremes = lacks(parts_.extremes);
  const auto others = static_cast<double>(population()), all = others + static_cast<double>(extremes.size());
  const double of_all = all * (value - guessed_mean(point_.guess));
  const double left = (of_all - std::accumulate(extremes.begin(), extremes.end(), 0.0)) / others;
  std::optional<Verdict> verdict = BettingSample::judge({left, tolerance_ * all / others, parts_.reach}, failure);
  if (verdict) verdict->deviation *= others / all;
  return verdict;
}

}  // namespace thalweg
