// A growing sample of the losses at a point, that says whether a value is within a tolerance of their mean.
//
// As in guess_sample.h it is drawn of what the guess lacks. How far single images may be off the nodes tell: an image
// whose losses there are far from the guess (guess_spreads) may be as far here. All images of the largest spreads are
// looked at, so that the others, of which some are drawn, reach less far (betting.h): as far as the largest spread
// among them. At 306 points of a trained VGG-11's plane, guessed from every second and every fourth point of 13 x 13,
// of 1,000 images each, the others were within it at 97 %, by 0.24 of it in the median, and within 1.9 times it at all.
#pragma once

#include <vector>

#include "landscape/guess_sample.h"

namespace thalweg {

class AuditSample : public BettingSample {
 public:
  // Of the evaluator's chosen point; the guess is finite. Keeps the references.
  AuditSample(const GuessSample::Point& point, const StratifiedSample::Name& name, double tolerance);

  // Of the mean loss over all images, nats; as BettingSample's.
  std::optional<Verdict> judge(double value, double failure);
  // That were looked at.
  std::int64_t images() const { return static_cast<std::int64_t>(parts_.extremes.size()) + size(); }

 private:
  struct Parts {
    std::vector<std::int64_t> extremes, others;
    double reach = 0;  // of the others
  };
  AuditSample(const GuessSample::Point& point, const StratifiedSample::Name& name, double tolerance, Parts parts);
  static Parts part(const ImageGuess::Guess& guess, double tolerance);
  std::vector<double> draw(std::int64_t n) override;
  std::vector<double> lacks(const std::vector<std::int64_t>& images) const;

  GuessSample::Point point_;
  double tolerance_;
  Parts parts_;
  StratifiedSample sample_;  // of the others
};

}  // namespace thalweg
