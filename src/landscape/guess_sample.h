// A growing sample of what the guess at a point lacks: the losses of its images minus what interpolation says of them,
// and so their margins and right answers.
//
// The mean of the guess over all images is known, so the guess plus the sample's mean estimates the loss without bias,
// whatever the guess is worth (a control variate); a good guess leaves little spread, and few images suffice. Classes
// and the distribution of the losses are estimated so, too (sampling.h, loss_distribution.h).
#pragma once

#include <cmath>

#include "landscape/betting.h"
#include "landscape/image_guess.h"
#include "landscape/loss_distribution.h"
#include "landscape/point_evaluator.h"
#include "landscape/split_estimate.h"

namespace thalweg {

class GuessSample {
 public:
  // Of the evaluator's chosen point. Keeps the references.
  struct Point {
    const PointEvaluator& evaluator;
    const LandscapeSplit& split;
    const std::vector<ImageGuess::Weighted>& guess;  // not empty
    std::int64_t num_classes;
  };
  GuessSample(const Point& point, const StratifiedSample::Name& name);

  // Draws until n images are there, and looks at them.
  void grow(std::int64_t n);
  // The first look, at few images, on which nothing is bet.
  void look_first();
  // Images for the second look, with so many bets: as many as at the first at least.
  double images_of_second_look(double bets) const;
  // Images that would bring a half width down to a goal, as half widths usually shrink.
  double images_for(double half_width, double goal) const;
  std::int64_t size() const { return static_cast<std::int64_t>(sample_.images().size()); }
  // Whether something can be guessed there: no node's loss is NaN or inf.
  bool has_guess() const { return std::isfinite(guess_.values[kLoss].mean); }
  // Of the loss, nats.
  Estimate loss() const;
  // Of everything: takes all images' guesses.
  SplitEstimate estimate() const;
  // Of the loss (betting.h).
  double half_width(double failure) const { return betting_half_width(losses_, population(), failure); }
  double bets_wanted(double half_width, double failure) const {
    return thalweg::bets_wanted(losses_.values, half_width, failure);
  }
  std::int64_t population() const { return point_.split.images.size(); }

 private:
  LossGuesses guess_losses() const;

  Point point_;
  SplitEstimate guess_;  // its means are what the guess says of all images, but for quantiles
  StratifiedSample sample_;
  std::vector<double> drawn_;    // losses, nats
  LookedAt losses_;              // what the guess lacks, nats
  std::vector<double> right_;    // what it lacks, percent
  std::vector<double> margins_;  // what it lacks, logits
};

}  // namespace thalweg
