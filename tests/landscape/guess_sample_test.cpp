#include "landscape/guess_sample.h"

#include "landscape/guess_fixture.h"
#include "landscape/split_summary.h"

namespace thalweg {
namespace {

using GuessSampleTest = GuessTest;

TEST_F(GuessSampleTest, OfARightGuessHasNoSpread) {
  const ImageGuess::Node node = node_at(0);
  const ImageGuess::Guess guess = {{&node, 1}};
  GuessSample sample(point(guess), {1, 2, 3});
  sample.grow(50);
  sample.grow(100);
  EXPECT_EQ(sample.size(), 100);
  EXPECT_NEAR(sample.estimate().loss().mean, node.value.loss().mean, 1e-6);
  EXPECT_LT(sample.half_width(0.05), 1e-5);
  EXPECT_EQ(sample.estimate().accuracy().mean, node.value.accuracy().mean);
}

TEST_F(GuessSampleTest, IsWithoutBiasHoweverWrongTheGuess) {
  const ImageGuess::Node node = node_at(1);
  const double truth = node_at(0).value.loss().mean;
  for (const double weight : {1.0, 0.0, -2.0}) {
    const ImageGuess::Guess guess = {{&node, weight}};
    double mean = 0, squares = 0, stated = 0;
    for (std::uint32_t r = 0; r < 200; ++r) {
      GuessSample sample(point(guess), {7, r, 1});
      sample.grow(60);
      const Estimate loss = sample.loss();
      mean += loss.mean / 200;
      squares += (loss.mean - truth) * (loss.mean - truth) / 200;
      stated += loss.standard_error * loss.standard_error / 200;
    }
    EXPECT_NEAR(mean, truth, 4 * std::sqrt(squares / 200)) << weight;
    EXPECT_NEAR(squares / stated, 1, 0.35) << weight;
    GuessSample whole(point(guess), {7, 0, 1});
    whole.grow(split().images.size());
    EXPECT_NEAR(whole.estimate().loss().mean, truth, 1e-6);
    EXPECT_EQ(whole.half_width(0.05), 0);
  }
}

TEST_F(GuessSampleTest, OfAllImagesSaysWhatAnExactPointDoes) {
  const ImageGuess::Node node = node_at(1);
  const SplitEstimate truth = node_at(0).value;
  const ImageGuess::Guess guess = {{&node, 1.5}};
  GuessSample sample(point(guess), {1, 2, 3});
  sample.grow(split().images.size());
  const SplitEstimate all = sample.estimate();
  ASSERT_EQ(all.values.size(), truth.values.size());
  for (std::size_t k = 0; k < truth.values.size(); ++k) {
    EXPECT_NEAR(all.values[k].mean, truth.values[k].mean, 1e-5 * std::max(1.0, truth.values[k].mean)) << k;
    EXPECT_NEAR(all.values[k].standard_error, 0, 1e-10) << k;
  }
}

// 95 % of the intervals must hold, fewer if only few images of a class, or of a tail, are drawn.
TEST_F(GuessSampleTest, StatesItsErrorsOfMarginsQuantilesAndClasses) {
  const ImageGuess::Node node = node_at(1);
  const SplitEstimate truth = node_at(0).value;
  const ImageGuess::Guess guess = {{&node, 1}};
  constexpr int kSamples = 300;
  std::vector<double> held(truth.values.size());
  for (std::uint32_t r = 0; r < kSamples; ++r) {
    GuessSample sample(point(guess), {7, r, 1});
    sample.grow(300);
    const SplitEstimate estimate = sample.estimate();
    for (std::size_t k = 0; k < held.size(); ++k) {
      const Estimate& value = estimate.values[k];
      held[k] += std::abs(value.mean - truth.values[k].mean) <= 1.96 * value.standard_error ? 1.0 / kSamples : 0;
    }
  }
  const std::vector<std::string> names = summary_names(split().name, kClasses);
  for (std::size_t k = 0; k < held.size(); ++k) EXPECT_GE(held[k], k <= kMargin ? 0.9 : 0.8) << names[k];
}

}  // namespace
}  // namespace thalweg
