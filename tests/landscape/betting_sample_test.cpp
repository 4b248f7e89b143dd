// Samples from made-up populations of residuals: single images' losses minus their guesses.
#include "landscape/betting_sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "landscape/sampling.h"

namespace thalweg {
namespace {

constexpr double kTolerance = 0.03;
constexpr std::int64_t kImages = 6000;

struct Population {
  std::string name;
  std::vector<double> values;  // with mean 0

  double reach() const {
    double out = 0;
    for (const double value : values) out = std::max(out, std::abs(value));
    return out;
  }
};

template <typename Draw>
Population population(const std::string& name, const Draw& draw) {
  Population out{name, std::vector<double>(kImages)};
  std::mt19937_64 random(3);
  double mean = 0;
  for (double& value : out.values) mean += (value = draw(random)) / kImages;
  for (double& value : out.values) value -= mean;
  return out;
}

Population spikes(double share, double height) {
  return population(std::to_string(share) + " of " + std::to_string(height),
                    [=](std::mt19937_64& random) { return std::bernoulli_distribution(share)(random) ? height : 0; });
}

Population lognormal(double spread) {
  return population("lognormal " + std::to_string(spread), [=](std::mt19937_64& random) {
    return 0.02 * std::lognormal_distribution<double>(0, spread)(random);
  });
}

// Like residuals of images between exact points: most are tiny, some large, with both signs.
Population residuals() {
  return population("residuals", [](std::mt19937_64& random) {
    const double z = std::normal_distribution<double>()(random);
    return 0.05 * z * std::exp(0.8 * std::abs(z));
  });
}

class Sample : public BettingSample {
 public:
  Sample(const Population& all, std::uint32_t repetition)
      : BettingSample(kImages), all_(all), sample_(one_stratum(kImages), {1.0}, {11, repetition, 0}) {}

 private:
  std::vector<double> draw(std::int64_t n) override {
    std::vector<double> out;
    for (const std::int64_t image : sample_.grow(n)) out.push_back(all_.values[static_cast<std::size_t>(image)]);
    return out;
  }

  const Population& all_;
  StratifiedSample sample_;
};

struct Judged {
  int settled = 0, violated = 0;  // numbers of samples
  double images = 0;              // mean
};

// Judges a point with a value that is off by `off`, `repetitions` times.
Judged judge(const Population& all, double off, int repetitions) {
  Judged out;
  for (int r = 0; r < repetitions; ++r) {
    Sample sample(all, static_cast<std::uint32_t>(r));
    const auto verdict = sample.judge({off, kTolerance, all.reach()}, 0.01);
    out.settled += verdict.has_value();
    out.violated += verdict && verdict->violated;
    out.images += static_cast<double>(sample.size()) / repetitions;
  }
  return out;
}

// Even if few images make the difference, at most 1 % may pass: of 200, at most 6 in 199 of 200 cases.
TEST(Judge, LetsNoPointThroughThatIsOutside) {
  for (const Population& all :
       {spikes(0.005, 10), spikes(0.02, 3), lognormal(1), lognormal(1.5), lognormal(2), residuals()}) {
    for (const double off : {-1.2, 1.2}) {
      const Judged out = judge(all, off * kTolerance, 200);
      EXPECT_LE(out.settled - out.violated, 6) << all.name << " " << off;
    }
  }
}

TEST(Judge, LetsAPointThroughThatIsInside) {
  const Judged out = judge(lognormal(1), 0.2 * kTolerance, 100);
  EXPECT_EQ(out.settled, 100);
  EXPECT_LE(out.violated, 3);
  EXPECT_LT(out.images, 0.2 * kImages);
}

TEST(Judge, LeavesToAllImagesWhatHalfOfThemDoNotSettle) {
  const Judged out = judge(residuals(), kTolerance, 20);
  EXPECT_EQ(out.settled, 0);
  EXPECT_LE(out.images, kImages / 2);
}

TEST(Judge, LeavesToAllImagesWhatIsNotFinite) {
  Population overflown = residuals();
  overflown.values.assign(kImages, INFINITY);
  Sample far(overflown, 0), reaching(residuals(), 0);
  EXPECT_FALSE(far.judge({0, kTolerance, INFINITY}, 0.01));
  EXPECT_FALSE(reaching.judge({10 * kTolerance, kTolerance, INFINITY}, 0.01));
}

TEST(Judge, DrawsOnWhileAllDrawsAreEqual) {
  const Population none{"none", std::vector<double>(kImages, 0)};
  const double reach = 5;
  Sample sample(none, 0);
  const auto verdict = sample.judge({0, kTolerance, reach}, 0.01);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_FALSE(verdict->violated);
  // If enough images were off to move the mean outside, all draws would miss them with probability 0.01 only.
  EXPECT_GE(static_cast<double>(sample.size()), std::log(0.01) / std::log(1 - kTolerance / reach));
}

// 1.96 standard errors of an estimated point are a valid interval, although the draws decide when the sample ends.
TEST(DrawTo, GivesIntervalsThatHoldForSkewedValues) {
  constexpr int kRepetitions = 400;
  for (const Population& all : {lognormal(1), lognormal(1.5), residuals()}) {
    int held = 0, settled = 0;
    for (int r = 0; r < kRepetitions; ++r) {
      Sample sample(all, static_cast<std::uint32_t>(r));
      const std::optional<double> half_width = sample.draw_to(2 * kTolerance, 0.05, 1);
      if (!half_width) continue;
      ++settled;
      EXPECT_LE(*half_width, 2 * kTolerance);
      held += std::abs(sample.mean()) <= *half_width;
    }
    EXPECT_GE(settled, 0.9 * kRepetitions) << all.name;
    EXPECT_GE(held, 0.95 * settled) << all.name;
  }
}

TEST(DrawTo, GivesUpWhereItWouldTakeMoreThanItIsWorth) {
  const Population all = lognormal(1.5);
  Sample cheap(all, 0), dear(all, 0), hopeless(all, 0);
  EXPECT_TRUE(cheap.draw_to(2 * kTolerance, 0.05, 1).has_value());
  EXPECT_FALSE(dear.draw_to(2 * kTolerance, 0.05, 60).has_value());
  EXPECT_LT(dear.size(), cheap.size());
  EXPECT_FALSE(hopeless.draw_to(kTolerance / 30, 0.05, 1).has_value());
  EXPECT_LE(hopeless.size(), kImages / 2);
}

}  // namespace
}  // namespace thalweg
