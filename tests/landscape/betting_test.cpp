#include "landscape/betting.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

std::vector<double> population(std::size_t n, const std::function<double(std::mt19937_64&)>& draw) {
  std::mt19937_64 random(11);
  std::vector<double> values(n);
  for (double& value : values) value = draw(random);
  return values;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Like residuals of interpolated losses: most are tiny, some large, with both signs.
double residual(std::mt19937_64& random) {
  const double z = std::normal_distribution<double>()(random);
  return 0.3 * z * std::exp(0.8 * std::abs(z)) + 0.1;
}

double lognormal(std::mt19937_64& random) {
  return std::exp(1.2 * std::normal_distribution<double>()(random));
}

double coin(std::mt19937_64& random) {
  return random() % 10 == 0 ? 1 : 0;
}

struct Outcome {
  int missed = 0;
  double draws = 0, width = 0, error = 0;  // means
};

// Draws in random order until the half width is below `goal`, as an adaptive map does.
Outcome stop_early(const std::vector<double>& all, double goal, int repetitions) {
  const double truth = mean_of(all);
  Outcome out;
  for (int r = 0; r < repetitions; ++r) {
    std::vector<double> shuffled = all;
    std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(static_cast<std::uint64_t>(r)));
    LookedAt drawn{{shuffled.begin(), shuffled.begin() + 64}, {64}};
    double half = INFINITY;
    for (std::size_t n = 64 + 100; half > goal && n < all.size(); n += n / 3) {
      drawn.values.assign(shuffled.begin(), shuffled.begin() + static_cast<std::ptrdiff_t>(n));
      drawn.looks.push_back(n);
      half = betting_half_width(drawn, static_cast<std::int64_t>(all.size()), 0.05);
    }
    const double error = std::abs(mean_of(drawn.values) - truth);
    out.missed += error > half;
    out.draws += static_cast<double>(drawn.values.size()) / repetitions;
    out.width += half / repetitions;
    out.error += error / repetitions;
  }
  return out;
}

TEST(BettingHalfWidth, HoldsHoweverOftenOneLooks) {
  const struct {
    std::function<double(std::mt19937_64&)> draw;
    double goal;
  } cases[] = {{residual, 0.08}, {lognormal, 0.3}, {coin, 0.06}};
  for (const auto& c : cases) {
    const Outcome out = stop_early(population(6000, c.draw), c.goal, 400);
    EXPECT_LE(out.missed, 20) << c.goal;  // of 400, at 5 %
    EXPECT_LT(out.draws, 3000) << c.goal;
    EXPECT_LT(out.width, 6 * out.error) << c.goal;  // and the bound is not vacuous
  }
}

// Tests the definition: at the ends of an interval the capital of a bettor against them reaches 2 / failure.
TEST(BettingHalfWidth, EndsWhereABettorGrowsRich) {
  const LookedAt drawn{{0.2, 0.9, 0.4, 0.7, 0.1, 0.3, 0.8, 0.5}, {2, 5, 8}};
  const double all = 40, failure = 0.3, low = 0.1 - 0.4, range = 1.6;
  const auto capital = [&](double mean, double side) {
    double product = 1, sum = 0;
    std::vector<double> means, squares;
    for (std::size_t i = 0; i < drawn.values.size(); ++i) {
      const double x = (drawn.values[i] - low) / range, k = static_cast<double>(i);
      if (i >= 2) {
        const double planned = i < 5 ? 3 : 6;
        const double variance = (0.25 + std::accumulate(squares.begin(), squares.end(), 0.0)) / (k + 1);
        const double left = (all * mean - sum) / (all - k);
        const double bet =
            std::min(std::sqrt(2 * std::log(2 / failure) / (planned * variance)), 0.75 / (side > 0 ? left : 1 - left));
        product *= 1 + side * bet * (x - left);
      }
      sum += x;
      means.push_back((0.5 + sum) / (k + 2));
      squares.push_back(std::pow(x - means.back(), 2));
    }
    return product;
  };
  const double half = betting_half_width(drawn, 40, failure) / range, centre = (mean_of(drawn.values) - low) / range;
  // The half width is the distance to the farther end.
  const double below = capital(centre - half, 1) * failure / 2, above = capital(centre + half, -1) * failure / 2;
  EXPECT_NEAR(std::max(below, above) > 1.001 ? std::min(below, above) : std::max(below, above), 1, 1e-3);
  EXPECT_GE(std::min(below, above), 1 - 1e-3);
  EXPECT_LT(std::min(capital(centre - 0.99 * half, 1), capital(centre + 0.99 * half, -1)) * failure / 2, 1);
}

TEST(BettingHalfWidth, IsZeroWhereAllIsKnownAndInfiniteWhereNothingIs) {
  EXPECT_EQ(betting_half_width({{1, 2, 3, 4}, {2, 4}}, 4, 0.05), 0);
  EXPECT_EQ(betting_half_width({{1, 1, 1, 1}, {2, 4}}, 10, 0.05), 0);
  EXPECT_EQ(betting_half_width({{1, 2}, {2}}, 10, 0.05), INFINITY);
  EXPECT_EQ(betting_half_width({{1, INFINITY, 2}, {1, 3}}, 10, 0.05), INFINITY);
  EXPECT_EQ(betting_half_width({{1, std::nan(""), 2}, {1, 3}}, 10, 0.05), INFINITY);
}

TEST(BettingHalfWidth, ReckonsWithValuesAsFarAwayAsIsKnown) {
  const LookedAt drawn{{0.2, 0.9, 0.4, 0.7, 0.1, 0.3, 0.8, 0.5}, {2, 5, 8}};
  const auto half_width = [](LookedAt looked_at, double reach) {
    looked_at.reach = reach;
    return betting_half_width(looked_at, 1000000, 0.05);
  };
  EXPECT_EQ(half_width(drawn, 0.2), half_width(drawn, 0));  // the widened draws span -0.3 to 1.3
  EXPECT_GT(half_width(drawn, 3), 1.5 * half_width(drawn, 0));
  // For equal draws in the middle of the range, each of 64 bets against a mean at distance d (as a part of the range)
  // gains 0.75 d / (0.5 - d).
  const LookedAt equal{std::vector<double>(128, 0), {64, 128}};
  const double gain = std::pow(2 / 0.05, 1.0 / 64) - 1;
  EXPECT_NEAR(half_width(equal, 2), 4 * 0.5 * gain / (0.75 + gain), 1e-3);
  EXPECT_EQ(half_width(equal, 0), 0);
}

TEST(BetsWanted, ForeseesWhatItTakes) {
  const std::vector<double> all = population(20000, residual);
  const std::vector<double> pilot(all.begin(), all.begin() + 200);
  for (const double goal : {0.3, 0.1, 0.05}) {
    const auto wanted = static_cast<std::size_t>(bets_wanted({pilot, {}}, goal, 0.05));
    const LookedAt drawn{{all.begin(), all.begin() + static_cast<std::ptrdiff_t>(64 + wanted)}, {64, 64 + wanted}};
    const double half = betting_half_width(drawn, 20000, 0.05);
    EXPECT_LT(half, 1.4 * goal);
    EXPECT_GT(half, 0.6 * goal);
  }
  EXPECT_EQ(bets_wanted({{1, std::nan("")}, {}}, 0.1, 0.05), INFINITY);
  EXPECT_EQ(bets_wanted({{1}, {}}, 0.1, 0.05), INFINITY);
}

}  // namespace
}  // namespace thalweg
