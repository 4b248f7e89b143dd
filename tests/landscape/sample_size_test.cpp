#include "landscape/sample_size.h"

#include <cmath>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "landscape/sampling.h"

namespace thalweg {
namespace {

constexpr std::int64_t kFirst = 256;

struct Population {
  const char* name;
  std::vector<double> values;

  std::int64_t size() const { return static_cast<std::int64_t>(values.size()); }
  double mean() const { return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(size()); }
};

template <typename Draw>
Population population(const char* name, Draw draw) {
  std::mt19937_64 random(5);
  Population out{name, std::vector<double>(8000)};
  for (double& value : out.values) value = draw(random);
  return out;
}

struct Outcome {
  Estimate estimate;
  std::int64_t images = 0;
  int looks = 0;
};

Outcome draw(const Population& all, double goal, std::uint32_t repetition) {
  StratifiedSample sample(one_stratum(all.size()), {1.0}, {9, repetition, 0});
  std::vector<double> drawn;
  Outcome out;
  draw_to_error(goal, kFirst, all.size(), [&](std::int64_t n) {
    for (const std::int64_t image : sample.grow(n)) drawn.push_back(all.values[static_cast<std::size_t>(image)]);
    ++out.looks;
    out.estimate = estimate_mean(sample.drawn(), drawn);
    return out.estimate.standard_error;
  });
  out.images = static_cast<std::int64_t>(drawn.size());
  return out;
}

// A population like losses: many near 0, some large.
Population losses() {
  return population("losses", std::gamma_distribution<double>(0.5));
}

TEST(DrawToError, KeepsTheErrorInFewLooksAndItsIntervalsHold) {
  constexpr int kRepetitions = 1000;
  for (const Population& all : {population("normal", std::normal_distribution<double>()), losses()}) {
    for (const double goal : {0.04, 0.02, 0.01}) {
      int held = 0, looks = 0;
      for (std::uint32_t r = 0; r < kRepetitions; ++r) {
        const Outcome out = draw(all, goal, r);
        EXPECT_LE(out.estimate.standard_error, goal) << all.name;
        EXPECT_GE(out.images, kFirst) << all.name;
        held += std::abs(out.estimate.mean - all.mean()) <= 1.96 * out.estimate.standard_error;
        looks += out.looks;
      }
      EXPECT_NEAR(held, 0.95 * kRepetitions, 0.03 * kRepetitions) << all.name << " " << goal;
      EXPECT_LT(looks, 2.5 * kRepetitions) << all.name << " " << goal;
    }
  }
}

TEST(DrawToError, StopsWhereTheErrorIsSmallEnough) {
  const Outcome out = draw(losses(), 1, 0);
  EXPECT_EQ(out.images, kFirst);
  EXPECT_EQ(out.looks, 1);
}

TEST(DrawToError, TakesAllWhereNothingLessWillDo) {
  const Outcome out = draw(losses(), 1e-9, 0);
  EXPECT_EQ(out.images, losses().size());
  EXPECT_EQ(out.estimate.standard_error, 0);
  EXPECT_EQ(draw({"few", {1, 2, 4}}, 1e-9, 0).images, 3);
  Population broken = losses();
  for (std::size_t i = 0; i < broken.values.size(); i += 10) broken.values[i] = std::nan("");
  EXPECT_EQ(draw(broken, 1, 0).images, broken.size());
}

}  // namespace
}  // namespace thalweg
