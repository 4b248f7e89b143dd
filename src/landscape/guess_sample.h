// A growing sample of what the guess at a point lacks: the losses of its images minus what interpolation says of them,
// and so their margins and right answers.
//
// The mean of the guess over all images is known, so the guess plus the mean of a sample of a given size estimates the
// loss without bias, whatever the guess is worth (a control variate); a good guess leaves little spread, and few images
// suffice. Classes and the distribution of the losses are estimated so, too (sampling.h, loss_distribution.h). Standard
// errors are those of a sample of a given size.
#pragma once

#include <cmath>

#include "landscape/betting_sample.h"
#include "landscape/image_guess.h"
#include "landscape/loss_distribution.h"
#include "landscape/point_evaluator.h"
#include "landscape/split_estimate.h"

namespace thalweg {

class GuessSample : public BettingSample {
 public:
  // Of the evaluator's chosen point. Keeps the references.
  struct Point {
    const PointEvaluator& evaluator;
    const LandscapeSplit& split;
    const ImageGuess::Guess& guess;
    std::int64_t num_classes;
  };
  GuessSample(const Point& point, const StratifiedSample::Name& name);

  // Whether something can be guessed there: no node's loss is NaN or inf.
  bool has_guess() const { return std::isfinite(guess_.values[kLoss].mean); }
  // Of the loss, nats.
  Estimate loss() const;
  // Of everything: takes all images' guesses.
  SplitEstimate estimate() const;

 private:
  std::vector<double> draw(std::int64_t n) override;
  LossGuesses guess_losses() const;

  Point point_;
  SplitEstimate guess_;  // its means are what the guess says of all images, but for quantiles
  StratifiedSample sample_;
  std::vector<double> drawn_;    // losses, nats
  std::vector<double> right_;    // what it lacks, percent
  std::vector<double> margins_;  // what it lacks, logits
};

}  // namespace thalweg
