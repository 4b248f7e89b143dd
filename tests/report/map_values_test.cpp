#include "report/map_values.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// 2 x 1 points, with values per class only for the test split.
Surface small_map() {
  Surface s;
  s.x = {0, 1};
  s.y = {0};
  for (const char* key : {"train_loss", "test_loss", "train_acc", "test_acc", "gap_loss", "weight_norm", "cell",
                          "test_loss_q50", "test_loss_stderr"}) {
    s.values[key] = {1, 2};
  }
  s.stacks["test_class_loss"] = {1, 2, 3, 4};
  s.stacks["test_class_acc"] = {50, 60, 70, 80};
  s.provenance = {{"classes", {"cat", "dog"}}};
  return s;
}

std::vector<std::string> names_of(const std::vector<MapValue>& values) {
  std::vector<std::string> names;
  for (const MapValue& value : values) names.push_back(value.name);
  return names;
}

TEST(MapValues, OfferLossesFirstAndClassesLast) {
  std::size_t left_out = 9;
  const std::vector<MapValue> values = map_values(small_map(), kNoLimit, &left_out);
  EXPECT_EQ(names_of(values),
            (std::vector<std::string>{"Loss", "Accuracy", "Test minus train loss", "Median loss",
                                      "Standard error of the loss", "Norm of the weights", "Loss of cat", "Loss of dog",
                                      "Accuracy of cat", "Accuracy of dog"}));
  EXPECT_EQ(left_out, 0u);
  ASSERT_EQ(values[0].panels.size(), 2u);
  EXPECT_EQ(values[0].panels[0].title, "Train loss");
  EXPECT_EQ(values[0].panels[1].key, "test_loss");
  EXPECT_EQ(values[2].panels[0].split, "");
  EXPECT_EQ(values[2].shade, Shade::kDiverging);
  ASSERT_EQ(values[3].panels.size(), 1u);
  EXPECT_EQ(values[3].panels[0].title, "Test median loss");
}

TEST(MapValues, TakeEachClassFromItsLayer) {
  std::size_t left_out = 0;
  const std::vector<MapValue> values = map_values(small_map(), kNoLimit, &left_out);
  EXPECT_EQ(values[7].panels[0].key, "test_class_loss/1");
  EXPECT_EQ(values[7].panels[0].values, (std::vector<double>{3, 4}));
  EXPECT_EQ(values[7].group, "Loss of a class");
}

TEST(MapValues, NumberClassesWithoutNames) {
  Surface s = small_map();
  s.provenance = nullptr;
  std::size_t left_out = 0;
  EXPECT_EQ(map_values(s, kNoLimit, &left_out).back().name, "Accuracy of class 1");
}

TEST(MapValues, KeepLossesAndAccuraciesWhateverTheLimit) {
  std::size_t left_out = 0;
  EXPECT_EQ(names_of(map_values(small_map(), 0, &left_out)), (std::vector<std::string>{"Loss", "Accuracy"}));
  EXPECT_EQ(left_out, 8u);
  EXPECT_EQ(map_values(small_map(), 12, &left_out).size(), 4u);  // 4 + 4 + 2 + 2 numbers
  EXPECT_EQ(left_out, 6u);
}

TEST(MapValues, LeaveOutWhatIsNowhereFinite) {
  Surface s = small_map();
  s.stacks["test_class_loss"] = {1, 2, NAN, NAN};  // no image has the second class
  std::size_t left_out = 0;
  EXPECT_EQ(map_values(s, kNoLimit, &left_out).size(), 9u);
  EXPECT_EQ(left_out, 0u);
}

TEST(ScaleOf, IsSymmetricForDifferences) {
  const MapValue gap{"Gap", "", "nats", Shade::kDiverging, {{"gap_loss", "", "Gap", {-0.1, 0.4, NAN}}}};
  const LevelScale scale = scale_of(gap, 24);
  EXPECT_EQ(scale.low, -0.4);
  EXPECT_EQ(scale.high, 0.4);
  EXPECT_EQ(scale.position(0), 0.5);
  ASSERT_FALSE(scale.levels.empty());
  for (std::size_t i = 0; i < scale.levels.size(); ++i) {
    EXPECT_NEAR(scale.levels[i], -scale.levels[scale.levels.size() - 1 - i], 1e-12);
  }
}

TEST(ScaleOf, IsLinearForAccuraciesAndMayBeLogarithmicForLosses) {
  MapValue value{"Accuracy", "", "%", Shade::kHighIsLight, {{"train_acc", "train", "", {1, 100}}}};
  EXPECT_FALSE(scale_of(value, 24).log);
  value.shade = Shade::kLowIsLight;
  EXPECT_TRUE(scale_of(value, 24).log);
}

}  // namespace
}  // namespace thalweg
