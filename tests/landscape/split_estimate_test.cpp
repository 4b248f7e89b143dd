#include "landscape/split_estimate.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

TEST(SplitEstimate, NamesTheValuesOfAnExactMapAndTheirErrors) {
  const std::vector<std::string> exact = summary_names("test", 2), names = estimate_names("test", 2);
  ASSERT_EQ(names.size(), 2 * exact.size() + 1);
  EXPECT_TRUE(std::equal(exact.begin(), exact.end(), names.begin()));
  EXPECT_EQ(names.back(), "test_images");
  for (const char* name : {"test_loss_stderr", "test_acc_stderr", "test_margin_stderr", "test_loss_q05_stderr",
                           "test_class_loss_stderr/1", "test_class_acc_stderr/0"})
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
}

TEST(SplitEstimate, ComesBackAsItWasWritten) {
  const ImageLosses images{{1, 2, 4}, {1, 0, 1}, {0.5f, -1, 2}};
  const SplitEstimate written = exact_estimate(images, {0, 2, 2}, 3);
  std::vector<double> values = {7};
  append(values, written);
  values.push_back(8);
  const SplitEstimate read = read_estimate(values.data() + 1, values.data() + values.size() - 1);
  EXPECT_EQ(read.images, 3);
  ASSERT_EQ(read.values.size(), summary_names("", 3).size());
  EXPECT_DOUBLE_EQ(read.loss().mean, 7.0 / 3);
  EXPECT_DOUBLE_EQ(read.accuracy().mean, 200.0 / 3);
  EXPECT_DOUBLE_EQ(read.values[kMargin].mean, 0.5);
  EXPECT_EQ(read.values[kFirstQuantile + 2].mean, 2);
  EXPECT_EQ(read.values[kFirstClass + 2].mean, 3);
  EXPECT_EQ(read.values[kFirstClass + 3 + 2].mean, 50);
  for (std::size_t k = 0; k < read.values.size(); ++k) {
    const bool absent = k == kFirstClass + 1 || k == kFirstClass + 3 + 1;  // class 1
    EXPECT_EQ(std::isnan(read.values[k].mean), absent) << k;
    EXPECT_EQ(std::isnan(read.values[k].standard_error), absent) << k;
    if (!absent) {
      EXPECT_EQ(read.values[k].standard_error, 0) << k;
    }
  }
}

TEST(SplitEstimate, AddsUpWithItsErrors) {
  SplitEstimate sum;
  add_weighted(sum, 1.5, {{{2, 0.1}, {60, 1}}, 10});
  add_weighted(sum, -0.5, {{{1, 0.2}, {40, 2}}, 10});
  EXPECT_DOUBLE_EQ(sum.loss().mean, 2.5);
  EXPECT_DOUBLE_EQ(sum.loss().standard_error, 0.25);
  EXPECT_DOUBLE_EQ(sum.accuracy().mean, 70);
  EXPECT_DOUBLE_EQ(sum.accuracy().standard_error, 2.5);
  EXPECT_EQ(sum.images, 0);
}

}  // namespace
}  // namespace thalweg
