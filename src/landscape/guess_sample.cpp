#include "landscape/guess_sample.h"

#include <algorithm>
#include <cmath>

namespace thalweg {
namespace {

constexpr std::int64_t kFirstLook = 64;  // images
constexpr double kGrowthOfBound = 1.8;   // images go with so many powers of the half width: between 1 and 2

}  // namespace

GuessSample::GuessSample(const PointEvaluator& evaluator, const LandscapeSplit& split,
                         const std::vector<ImageGuess::Weighted>& guess, const StratifiedSample::Name& name)
    : evaluator_(evaluator), split_(split), guess_(guess), sample_(one_stratum(split.images.size()), {1.0}, name) {}

void GuessSample::grow(std::int64_t n) {
  const std::vector<std::int64_t> images = sample_.grow(n);
  const ImageLosses values = evaluator_.evaluate(split_, images);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto image = static_cast<std::size_t>(images[i]);
    double loss = 0, right = 0;
    for (const auto& [node, weight] : guess_) {
      loss += weight * static_cast<double>(node->images.losses[image]);
      right += weight * node->images.correct[image];
    }
    losses_.values.push_back(values.losses[i] - loss);
    right_.push_back(100 * (values.correct[i] - right));
  }
  losses_.looks.push_back(losses_.values.size());
}

void GuessSample::look_first() {
  grow(std::min(kFirstLook, population()));
}

double GuessSample::images_of_second_look(double bets) const {
  const auto first = static_cast<double>(kFirstLook);
  return first + std::max(first, bets);
}

double GuessSample::images_for(double half_width, double goal) const {
  return static_cast<double>(size()) * std::pow(half_width / goal, kGrowthOfBound);
}

SplitEstimate GuessSample::guess() const {
  SplitEstimate out;
  for (const auto& [node, weight] : guess_) {
    out.loss.mean += weight * node->loss;
    out.accuracy.mean += weight * node->accuracy;
  }
  return out;
}

SplitEstimate GuessSample::estimate() const {
  const SplitEstimate guessed = guess();
  SplitEstimate out{estimate_mean(sample_, losses_.values), estimate_mean(sample_, right_, /*one=*/100), size()};
  out.loss.mean += guessed.loss.mean;
  out.accuracy.mean += guessed.accuracy.mean;
  return out;
}

}  // namespace thalweg
