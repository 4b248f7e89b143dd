#include "report/levels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "base/error.h"

namespace thalweg {
namespace {

const double kNan = std::nan("");
const double kInf = std::numeric_limits<double>::infinity();

TEST(ChooseLevels, AreLogarithmicWhereValuesSpanOrdersOfMagnitude) {
  const std::vector<double> values{0.001, 0.01, 0.5, 3, kNan, kInf};
  const LevelScale scale = choose_levels({&values}, 20);
  EXPECT_TRUE(scale.log);
  EXPECT_EQ(scale.low, 0.001);
  EXPECT_EQ(scale.high, 3);
  EXPECT_GE(scale.levels.size(), 8u);
  EXPECT_LE(scale.levels.size(), 20u);
  EXPECT_TRUE(std::is_sorted(scale.levels.begin(), scale.levels.end()));
  EXPECT_EQ(scale.position(0.001), 0);
  EXPECT_EQ(scale.position(1e9), 1);
  EXPECT_NEAR(scale.position(std::sqrt(0.001 * 3)), 0.5, 1e-12);
  // For a map with a steep corner, nearly all values are below the first level of a linear scale.
  const std::vector<double> corner{0.44, 0.5, 0.55, 0.6, 0.7, 3.4};
  EXPECT_TRUE(choose_levels({&corner}, 20).log);
}

TEST(ChooseLevels, AreLinearWhereTheyDoNot) {
  const std::vector<double> train{1, 2}, test{1.5, 2.5};
  const LevelScale scale = choose_levels({&train, &test}, 20);
  EXPECT_FALSE(scale.log);
  EXPECT_EQ(scale.low, 1);
  EXPECT_EQ(scale.high, 2.5);
  EXPECT_GE(scale.levels.size(), 7u);
  for (const double level : scale.levels) EXPECT_TRUE(level > 1 && level < 2.5);
  const std::vector<double> negative{-5, 100};
  EXPECT_FALSE(choose_levels({&negative}, 20).log);
}

TEST(ChooseLevels, OfZerosAmongPositiveValuesTakeTheSmallestPositive) {
  const std::vector<double> values{0, 0, 0.01, 1};
  const LevelScale scale = choose_levels({&values}, 20);
  EXPECT_TRUE(scale.log);
  EXPECT_EQ(scale.low, 0.01);
  EXPECT_EQ(scale.transform(0), scale.transform(0.01));
}

TEST(ChooseLevels, EndBeforeOutliers) {
  std::vector<double> values(200, 1);
  for (std::size_t i = 0; i < 100; ++i) values[i] = 0.5;
  values[199] = 1e12;
  EXPECT_EQ(choose_levels({&values}, 20).high, 1);
}

TEST(ChooseLevels, OfNothingOrAConstantAreNone) {
  const std::vector<double> constant{2, 2, 2}, nothing{kNan, kInf};
  EXPECT_TRUE(choose_levels({&constant}, 20).levels.empty());
  EXPECT_TRUE(choose_levels({&nothing}, 20).levels.empty());
  EXPECT_TRUE(choose_levels({}, 20).levels.empty());
  EXPECT_EQ(choose_levels({&constant}, 20).position(2), 0.5);
}

TEST(RoundSteps, AreRoundAndInsideTheRange) {
  EXPECT_EQ(round_steps(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(round_steps(-0.1, 0.1, 4).size(), 5u);
  EXPECT_TRUE(round_steps(1, 1, 5).empty());
  EXPECT_TRUE(round_steps(0, 1, 0).empty());
  EXPECT_TRUE(round_steps(std::nextafter(100.0, 0.0), 100, 8).empty());
  EXPECT_TRUE(round_steps(-1e-300, std::nextafter(-1e-300, 0.0), 8).empty());
  EXPECT_EQ(round_log_steps(0.01, 100, 5), (std::vector<double>{0.01, 0.1, 1, 10, 100}));
  EXPECT_LE(round_log_steps(1e-30, 1e30, 10).size(), 10u);
  EXPECT_THROW(round_log_steps(0, 1, 5), Error);
}

TEST(ShortNumber, IsShort) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.30000000000000004), "0.3");
  EXPECT_EQ(short_number(-2.5), "-2.5");
  EXPECT_EQ(short_number(0.00001), "1e-5");
  EXPECT_EQ(short_number(123456), "1.23e5");
}

TEST(TickTexts, TellNeighboursApart) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(tick_texts({}), Texts());
  EXPECT_EQ(tick_texts({7.00000001}), Texts({"7"}));
  EXPECT_EQ(tick_texts({0, 0.5, 1}), Texts({"0", "0.5", "1"}));
  EXPECT_EQ(tick_texts({1e-5, 1e-4}), Texts({"1e-5", "0.0001"}));
  EXPECT_EQ(tick_texts({1.0005, 1.001, 1.0015}), Texts({"1.0005", "1.001", "1.0015"}));
  EXPECT_EQ(tick_texts({12340, 12345, 12350}), Texts({"12340", "12345", "12350"}));
  EXPECT_EQ(tick_texts({-2.00000002, -2.00000001, -2}), Texts({"-2.00000002", "-2.00000001", "-2"}));
}

}  // namespace
}  // namespace thalweg
