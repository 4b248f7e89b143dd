// Points of a bowl's plane, for guessing the losses at one from those at others.
#pragma once

#include <cstdint>

#include "landscape/bowl_fixture.h"
#include "landscape/guess_sample.h"

namespace thalweg {

class GuessTest : public BowlTest {
 protected:
  static constexpr std::int64_t kClasses = 10;

  GuessTest() : evaluator_({plane_, graph_, data_, at::kCPU}, config_, at::kFloat) {
    evaluator_.prepare({{0.3, -0.2}, {0.4, -0.2}});
  }
  ImageGuess::Node node_at(std::size_t point) {
    evaluator_.use(point);
    const ImageLosses all = evaluator_.evaluate(split());
    KeptImages images = from_bytes(to_bytes({all}), {split().images.size()}).front();
    return {std::move(images), exact_estimate(all, split().labels, kClasses)};
  }
  GuessSample::Point point(const ImageGuess::Guess& guess) { return {evaluator_, split(), guess, kClasses}; }
  const LandscapeSplit& split() const { return evaluator_.splits().front(); }

  PointEvaluator evaluator_;
};

}  // namespace thalweg
