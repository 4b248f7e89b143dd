#include "landscape/split_summary.h"

#include <cmath>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

double named(const std::vector<double>& values, const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  EXPECT_NE(found, names.end()) << name;
  return values[static_cast<std::size_t>(found - names.begin())];
}

TEST(SplitSummary, HoldsMeansQuantilesAndClasses) {
  ImageLosses images;
  std::vector<std::int64_t> labels;
  for (int i = 0; i < 20; ++i) {
    images.losses.push_back(20 - i);
    images.correct.push_back(i < 5 ? 1 : 0);
    images.margins.push_back(static_cast<float>(i));
    labels.push_back(i < 10 ? 0 : 2);
  }
  const std::vector<std::string> names = summary_names("test", 3);
  const std::vector<double> values = summarise(images, labels, 3);
  ASSERT_EQ(values.size(), names.size());
  EXPECT_DOUBLE_EQ(named(values, names, "test_loss"), 10.5);
  EXPECT_DOUBLE_EQ(named(values, names, "test_acc"), 25);
  EXPECT_DOUBLE_EQ(named(values, names, "test_margin"), 9.5);
  EXPECT_DOUBLE_EQ(named(values, names, "test_loss_q05"), 1);
  EXPECT_DOUBLE_EQ(named(values, names, "test_loss_q50"), 10);
  EXPECT_DOUBLE_EQ(named(values, names, "test_loss_q95"), 19);
  EXPECT_DOUBLE_EQ(named(values, names, "test_class_loss/0"), 15.5);
  EXPECT_DOUBLE_EQ(named(values, names, "test_class_acc/0"), 50);
  EXPECT_TRUE(std::isnan(named(values, names, "test_class_loss/1")));
  EXPECT_DOUBLE_EQ(named(values, names, "test_class_loss/2"), 5.5);
}

TEST(SplitSummary, LetsANanReachWhatItConcerns) {
  const ImageLosses images{{1, std::nan("")}, {1, 0}, {1, NAN}};
  const std::vector<std::string> names = summary_names("train", 2);
  const std::vector<double> values = summarise(images, {0, 1}, 2);
  EXPECT_TRUE(std::isnan(named(values, names, "train_loss")));
  EXPECT_TRUE(std::isnan(named(values, names, "train_loss_q05")));
  EXPECT_TRUE(std::isnan(named(values, names, "train_class_loss/1")));
  EXPECT_EQ(named(values, names, "train_class_loss/0"), 1);
  EXPECT_EQ(named(values, names, "train_acc"), 50);
}

}  // namespace
}  // namespace thalweg
