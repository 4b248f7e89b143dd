#include "landscape/loss_distribution.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

constexpr std::size_t kImages = 3000;

// Losses of images, and guesses of them that are noisy and too low.
struct Guessed {
  std::vector<double> losses;
  std::vector<float> guesses;

  explicit Guessed(double noise) {
    std::mt19937_64 random(11);
    std::normal_distribution<double> normal;
    for (std::size_t i = 0; i < kImages; ++i) {
      const double margin = 1 + normal(random);
      losses.push_back(std::log1p(std::exp(-margin)));
      guesses.push_back(static_cast<float>(losses.back() - 0.2 * noise + noise * normal(random)));
    }
  }

  QuantileEstimates truth() const {
    const std::vector<std::int64_t> labels(kImages, 0);
    const ImageLosses all{losses, std::vector<std::int32_t>(kImages), std::vector<float>(kImages)};
    const std::vector<double> values = summarise(all, labels, 1);
    QuantileEstimates out;
    for (std::size_t q = 0; q < out.size(); ++q) out[q] = {values[kFirstQuantile + q], 0};
    return out;
  }

  QuantileEstimates by_sample(std::uint64_t seed, std::int64_t n, bool with_guesses) const {
    StratifiedSample sample(one_stratum(kImages), {1.0}, {seed, 0, 0});
    std::vector<double> drawn;
    LossGuesses all{guesses, {}};
    for (const std::int64_t image : sample.grow(n)) {
      drawn.push_back(losses[static_cast<std::size_t>(image)]);
      all.drawn.push_back(guesses[static_cast<std::size_t>(image)]);
    }
    return estimate_quantiles(sample.drawn(), drawn, with_guesses ? all : LossGuesses{});
  }
};

TEST(LossDistribution, OfAllImagesIsExactWhateverTheGuesses) {
  for (const double noise : {0.0, 0.1, 5.0}) {
    const Guessed population(noise);
    for (const bool with_guesses : {false, true}) {
      const QuantileEstimates all = population.by_sample(1, kImages, with_guesses), truth = population.truth();
      for (std::size_t q = 0; q < truth.size(); ++q) {
        EXPECT_EQ(all[q].mean, truth[q].mean) << noise << " " << q;
        EXPECT_EQ(all[q].standard_error, 0) << noise << " " << q;
      }
    }
  }
}

TEST(LossDistribution, OfFourImages) {
  StratifiedSample sample(one_stratum(4), {1.0}, {});
  sample.grow(4);
  const QuantileEstimates quantiles = estimate_quantiles(sample.drawn(), {4, 1, 1, 2});
  const double expected[] = {1, 1, 1, 2, 4};  // the ceil(4 share)-th smallest
  for (std::size_t q = 0; q < quantiles.size(); ++q) EXPECT_EQ(quantiles[q].mean, expected[q]) << q;
}

// If one image in ten was drawn from a stratum, each of its losses counts ten times.
TEST(LossDistribution, ALossStandsForTheImagesOfItsStratum) {
  const std::vector<std::int64_t> sizes = {2, 20};
  const std::vector<std::int32_t> strata = {0, 0, 1, 1};
  const QuantileEstimates quantiles = estimate_quantiles({sizes, strata}, {1, 2, 3, 4});
  EXPECT_EQ(quantiles[0].mean, 2);  // 2 of 22 images have losses up to 2, and 5 % are 1.1
  EXPECT_EQ(quantiles[1].mean, 3);  // 12 have losses up to 3
  EXPECT_EQ(quantiles[2].mean, 3);
  EXPECT_EQ(quantiles[3].mean, 4);
}

TEST(LossDistribution, ItsIntervalsHoldWhatTheySay) {
  constexpr int kSamples = 1000;
  for (const double noise : {0.05, 0.5}) {
    for (const bool with_guesses : {false, true}) {
      const Guessed population(noise);
      const QuantileEstimates truth = population.truth();
      std::array<double, kLossQuantiles.size()> held{}, off{};
      for (int seed = 0; seed < kSamples; ++seed) {
        const QuantileEstimates by_sample = population.by_sample(static_cast<std::uint64_t>(seed), 200, with_guesses);
        for (std::size_t q = 0; q < truth.size(); ++q) {
          const double error = by_sample[q].mean - truth[q].mean;
          held[q] += std::abs(error) <= 1.96 * by_sample[q].standard_error ? 1.0 / kSamples : 0;
          off[q] += error / kSamples;
        }
      }
      for (std::size_t q = 0; q < truth.size(); ++q) {
        const bool in_a_tail = q == 0 || q + 1 == truth.size();
        EXPECT_GE(held[q], in_a_tail ? 0.8 : 0.9) << noise << " " << q << " " << with_guesses;
        EXPECT_NEAR(off[q], 0, 0.03) << noise << " " << q << " " << with_guesses;
      }
    }
  }
}

TEST(LossDistribution, GoodGuessesMakeErrorsSmall) {
  const Guessed population(0.02);
  double with = 0, without = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    with += population.by_sample(seed, 200, true)[2].standard_error;
    without += population.by_sample(seed, 200, false)[2].standard_error;
  }
  EXPECT_LT(2 * with, without);
}

// Counts the share of images up to each loss and guess one by one; some guesses are negative and some are equal.
TEST(LossDistribution, GuessesCountAsTheDifferenceEstimatorHasThem) {
  Guessed population(0.05);
  for (std::size_t i = 0; i < kImages; i += 100) population.guesses[i] = i % 200 == 0 ? -0.125f : 0.25f;
  StratifiedSample sample(one_stratum(kImages), {1.0}, {5, 0, 0});
  std::vector<double> drawn, places(population.guesses.begin(), population.guesses.end());
  LossGuesses guesses{population.guesses, {}};
  for (const std::int64_t image : sample.grow(300)) {
    drawn.push_back(population.losses[static_cast<std::size_t>(image)]);
    guesses.drawn.push_back(population.guesses[static_cast<std::size_t>(image)]);
  }
  places.insert(places.end(), drawn.begin(), drawn.end());
  std::sort(places.begin(), places.end());
  const auto up_to = [](const auto& values, double place) {
    return static_cast<double>(std::count_if(values.begin(), values.end(), [&](auto value) { return value <= place; }));
  };
  const QuantileEstimates quantiles = estimate_quantiles(sample.drawn(), drawn, guesses);
  for (std::size_t q = 1; q < quantiles.size(); ++q) {  // not q = 0: the smallest losses are guessed too badly
    const auto first = std::find_if(places.begin(), places.end(), [&](double place) {
      const double lacking = (up_to(drawn, place) - up_to(guesses.drawn, place)) / static_cast<double>(drawn.size());
      return up_to(guesses.all, place) / kImages + lacking >= kLossQuantiles[q] - 1e-9;
    });
    EXPECT_EQ(quantiles[q].mean, *first) << q;
  }
}

// The noise is far larger than the losses' own spread.
TEST(LossDistribution, GoesWithoutBadGuesses) {
  const Guessed population(5);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Estimate with = population.by_sample(seed, 200, true)[2], without = population.by_sample(seed, 200, false)[2];
    EXPECT_EQ(with.mean, without.mean);
    EXPECT_EQ(with.standard_error, without.standard_error);
  }
}

TEST(LossDistribution, OfANanIsNanAndANanGuessIsNoGuess) {
  Guessed population(0.1);
  population.guesses[5] = NAN;
  EXPECT_EQ(population.by_sample(1, 200, true)[2].mean, population.by_sample(1, 200, false)[2].mean);
  EXPECT_TRUE(std::isfinite(population.by_sample(1, 200, true)[2].mean));
  population.losses.assign(kImages, NAN);
  EXPECT_TRUE(std::isnan(population.by_sample(1, 200, false)[2].standard_error));
}

}  // namespace
}  // namespace thalweg
