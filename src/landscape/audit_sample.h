// A growing sample of the losses at a point that decides whether a value is within a tolerance of their mean.
//
// As in guess_sample.h, the sample consists of residuals of the guess. The nodes bound how far off single images may
// be: an image whose losses at the nodes are far from the guess (guess_spreads) may be as far off here. All images with
// the largest spreads are evaluated. The others, of which only some are drawn, then have a smaller reach (betting.h):
// the largest spread among them. At 306 points of a trained VGG-11's plane, guessed from every second and every fourth
// point of 13 x 13 with 1,000 images each, the others were within their reach at 97 % of the points, at 0.24 of it in
// the median, and within 1.9 times it at all points.
#pragma once

#include <cstdint>
#include <vector>

#include "landscape/guess_sample.h"

namespace thalweg {

class AuditSample : public BettingSample {
 public:
  // Samples at the evaluator's chosen point. The guess must be finite. The references must outlive this object.
  AuditSample(const GuessSample::Point& point, const StratifiedSample::Name& name, double tolerance);

  // Judges a value of the mean loss over all images, in nats, as BettingSample::judge does.
  std::optional<Verdict> judge(double value, double failure);
  // The number of images evaluated so far, once judge has been called.
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
