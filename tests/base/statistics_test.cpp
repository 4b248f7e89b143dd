// Expected values were computed with SciPy 1.17.1: stats.t, ttest_rel, ttest_1samp, linregress.
#include "base/statistics.h"

#include <cmath>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

TEST(Statistics, StudentsDistributionIsScipys) {
  struct Case {
    double t;
    std::int64_t freedom;
    double within;
  };
  for (const Case& c : {Case{0.1, 1, 0.063451034861107},
                        {2.5, 1, 0.757762116818313},
                        {12, 1, 0.94707064788082},
                        {0.1, 2, 0.0705345615858598},
                        {1, 2, 0.577350269189626},
                        {12, 2, 0.993127066322842},
                        {1, 3, 0.60899778104423},
                        {2.5, 3, 0.912293352991934},
                        {0.1, 7, 0.0768519403952076},
                        {12, 7, 0.999993641689622},
                        {2.5, 30, 0.981884350931933},
                        {12, 30, 0.999999999999442}}) {
    EXPECT_NEAR(student_within(c.t, c.freedom), c.within, 1e-13) << c.t << " " << c.freedom;
  }
  EXPECT_EQ(student_within(0, 4), 0);
  EXPECT_EQ(student_within(INFINITY, 4), 1);
}

TEST(Statistics, QuantilesAreScipys) {
  EXPECT_NEAR(student_quantile(0.95, 1), 12.706204736174694, 1e-9);
  EXPECT_NEAR(student_quantile(0.95, 2), 4.302652729749462, 1e-10);
  EXPECT_NEAR(student_quantile(0.95, 9), 2.262157162798205, 1e-10);
  EXPECT_NEAR(student_quantile(0.99, 4), 4.604094871349992, 1e-10);
  EXPECT_NEAR(student_quantile(0.5, 3), 0.7648923284043444, 1e-10);
}

TEST(Statistics, APairedTestIsScipys) {
  const std::vector<double> late{72.31, 71.88, 73.02, 72.5, 71.97}, early{70.12, 70.95, 70.4, 71.3, 70.02};
  std::vector<double> differences;
  for (std::size_t i = 0; i < late.size(); ++i) differences.push_back(late[i] - early[i]);
  const MeanTest test = test_mean(differences);
  EXPECT_EQ(test.count, 5);
  EXPECT_NEAR(test.t, 5.677469532928076, 1e-9);
  EXPECT_NEAR(test.p, 0.004749562944190291, 1e-12);
  EXPECT_NEAR(test.low, 0.9085071091247683, 1e-9);
  EXPECT_NEAR(test.high, 2.6474928908752267, 1e-9);
  EXPECT_NEAR(test_mean(differences, 0.99).low, 0.3361462597407492, 1e-9);
}

TEST(Statistics, ATestOfAFewNumbersIsScipys) {
  const MeanTest test = test_mean({0.4, -0.2, 0.3});
  EXPECT_NEAR(test.t, 0.8980265101338744, 1e-12);
  EXPECT_NEAR(test.p, 0.4639437325811026, 1e-12);
  EXPECT_NEAR(test.low, -0.6318718844777457, 1e-10);
}

TEST(Statistics, OneValueShowsNothing) {
  const MeanTest one = test_mean({3});
  EXPECT_EQ(one.mean, 3);
  EXPECT_TRUE(std::isnan(one.deviation));
  EXPECT_TRUE(std::isnan(statistic_of({}).deviation));
  EXPECT_EQ(statistic_of({2, 2}).deviation, 0);
  EXPECT_EQ(one.low, -INFINITY);
  EXPECT_TRUE(std::isnan(one.p));
  EXPECT_TRUE(std::isnan(test_mean({}).mean));
}

TEST(Statistics, EqualValuesAreCertain) {
  const MeanTest equal = test_mean({2, 2, 2});
  EXPECT_EQ(equal.p, 0);
  EXPECT_EQ(equal.low, 2);
  EXPECT_TRUE(std::isnan(test_mean({0, 0, 0}).p));
}

TEST(Statistics, HolmsCorrectionIsThatByHand) {
  const std::vector<double> adjusted = holm({0.01, 0.04, NAN, 0.03, 0.005});
  EXPECT_NEAR(adjusted[0], 0.03, 1e-15);
  EXPECT_NEAR(adjusted[1], 0.06, 1e-15);
  EXPECT_TRUE(std::isnan(adjusted[2]));
  EXPECT_NEAR(adjusted[3], 0.06, 1e-15);
  EXPECT_NEAR(adjusted[4], 0.02, 1e-15);
  EXPECT_EQ(holm({0.7, 0.9}), (std::vector<double>{1, 1}));
}

TEST(Statistics, TheSlopeIsScipys) {
  EXPECT_NEAR(slope({2, 5, 8, 12, 16}, {70.1, 71.4, 72.2, 72.1, 73.3}), 0.19918831168831147, 1e-13);
  EXPECT_TRUE(std::isnan(slope({3, 3}, {1, 2})));
  EXPECT_EQ(slope({1, 2, 4}, {0.7, 0.7, 0.7}), 0);  // their mean, as computed, is not 0.7
}

}  // namespace
}  // namespace thalweg
