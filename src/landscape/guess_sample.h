// A growing sample of the residuals of the guess at a point: the losses of its images minus their interpolated values,
// and likewise their margins and right answers.
//
// The mean of the guess over all images is known, so the guess plus the mean residual of a sample of a given size
// estimates the loss without bias, however good the guess is (a control variate). The residuals of a good guess have
// little spread, so few images suffice. Classes and the distribution of the losses are estimated in the same way
// (sampling.h, loss_distribution.h). Standard errors are those of a sample of a given size.
#pragma once

#include <cmath>
#include <cstdint>

#include "landscape/betting_sample.h"
#include "landscape/image_guess.h"
#include "landscape/loss_distribution.h"
#include "landscape/point_evaluator.h"
#include "landscape/split_estimate.h"

namespace thalweg {

class GuessSample : public BettingSample {
 public:
  // What is sampled at the evaluator's chosen point. The references must outlive the sample.
  struct Point {
    PointEvaluator& evaluator;
    const LandscapeSplit& split;
    const ImageGuess::Guess& guess;
    std::int64_t num_classes;
  };
  GuessSample(const Point& point, const StratifiedSample::Name& name);

  // Whether there is a guess: no node's loss is NaN or inf.
  bool has_guess() const { return std::isfinite(guess_.values[kLoss].mean); }
  // The estimate of the loss, in nats.
  Estimate loss() const;
  // The estimates of all values; uses the guesses of all images.
  SplitEstimate estimate() const;

 private:
  std::vector<double> draw(std::int64_t n) override;
  LossGuesses guess_losses() const;

  Point point_;
  SplitEstimate guess_;  // means of the guess over all images, except for quantiles
  StratifiedSample sample_;
  std::vector<double> drawn_;    // losses of the drawn images, nats
  std::vector<double> right_;    // residuals, percent
  std::vector<double> margins_;  // residuals, logits
};

}  // namespace thalweg
