// A growing sample of what the guess at a point lacks: the losses of its images minus what interpolation says of them.
//
// The mean of the guess over all images is known, so the guess plus the sample's mean estimates the loss without bias,
// whatever the guess is worth (a control variate); a good guess leaves little spread, and few images suffice.
#pragma once

#include "landscape/betting.h"
#include "landscape/image_guess.h"
#include "landscape/point_evaluator.h"
#include "landscape/split_estimate.h"

namespace thalweg {

class GuessSample {
 public:
  // Of the evaluator's chosen point. Keeps references to the evaluator, the split and the guess.
  GuessSample(const PointEvaluator& evaluator, const LandscapeSplit& split,
              const std::vector<ImageGuess::Weighted>& guess, const StratifiedSample::Name& name);

  // Draws until n images are there, and looks at them.
  void grow(std::int64_t n);
  // The first look, at few images, on which nothing is bet.
  void look_first();
  // Images for the second look, with so many bets: as many as at the first at least.
  double images_of_second_look(double bets) const;
  // Images that would bring a half width down to a goal, as half widths usually shrink.
  double images_for(double half_width, double goal) const;
  std::int64_t size() const { return static_cast<std::int64_t>(sample_.images().size()); }
  // What the guess says alone.
  SplitEstimate guess() const;
  SplitEstimate estimate() const;
  // Of the loss (betting.h).
  double half_width(double failure) const { return betting_half_width(losses_, population(), failure); }
  double bets_wanted(double half_width, double failure) const {
    return thalweg::bets_wanted(losses_.values, half_width, failure);
  }
  std::int64_t population() const { return split_.images.size(); }

 private:
  const PointEvaluator& evaluator_;
  const LandscapeSplit& split_;
  const std::vector<ImageGuess::Weighted>& guess_;
  StratifiedSample sample_;
  LookedAt losses_;            // what the guess lacks, nats
  std::vector<double> right_;  // what it lacks, percent
};

}  // namespace thalweg
