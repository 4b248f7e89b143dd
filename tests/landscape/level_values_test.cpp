#include "landscape/level_values.h"

#include <cmath>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

SplitEstimate value_of(double loss, double accuracy = 50, double error = 0) {
  return {{{loss, error}, {accuracy, 10 * error}}, 100};
}

class LevelValuesTest : public testing::Test {
 protected:
  // 13 x 13 points give the levels 4 x 4, 7 x 7 and 13 x 13.
  LevelValuesTest() : grid_(make_grid({13, 13}, {-1, 1, -1, 1})), levels_(grid_), values_(levels_) {}
  double x(std::size_t point) const { return grid_.x[point % 13]; }
  double y(std::size_t point) const { return grid_.y[point / 13]; }
  template <typename Loss>
  void set_level(std::size_t level, const Loss& loss) {
    for (const std::size_t point : levels_.points(level)) values_.set(point, value_of(loss(point)));
    values_.close(level);
  }

  Grid grid_;
  LevelGrid levels_;
  LevelValues values_;
};

TEST_F(LevelValuesTest, DoubtNothingWhereASurfaceIsCubic) {
  const auto cubic = [&](std::size_t p) { return 1 + x(p) * x(p) * x(p) - y(p) * y(p); };
  set_level(0, cubic);
  for (const std::size_t point : levels_.points(1)) EXPECT_EQ(values_.doubt(point, 0), INFINITY);
  set_level(1, cubic);
  for (const std::size_t point : levels_.points(2)) {
    EXPECT_LT(values_.doubt(point, 1), 1e-14);
    values_.interpolate_at(point);
    EXPECT_NEAR(values_[point].loss().mean, cubic(point), 1e-14);
    EXPECT_EQ(values_[point].images, 0);
  }
  EXPECT_NEAR(values_.range(), 3, 1e-14);
}

TEST_F(LevelValuesTest, DoubtWhatLiesBesideASurprise) {
  const std::size_t bump = 2 * 13 + 2;  // a point of level 1
  ASSERT_EQ(levels_.level_of(bump), 1u);
  set_level(0, [](std::size_t) { return 1.0; });
  set_level(1, [&](std::size_t p) { return p == bump ? 1.4 : 1.0; });
  EXPECT_NEAR(values_.doubt(1 * 13 + 1, 1), 0.2, 1e-14);  // half of the surprise, at its own corner
  EXPECT_NEAR(values_.doubt(3 * 13 + 2, 1), 0.2, 1e-14);
  EXPECT_NEAR(values_.doubt(0 * 13 + 1, 1), 0.2, 1e-14);  // on an edge next to a corner affected by the surprise
  EXPECT_NEAR(values_.doubt(11 * 13 + 11, 1), 0, 1e-14);
}

TEST_F(LevelValuesTest, StandardErrorsTakeInTheNeighboursAndTheDoubt) {
  for (const std::size_t point : levels_.points(0)) values_.set(point, value_of(1, 50, 0.01));
  values_.close(0);
  for (const std::size_t point : levels_.points(1)) values_.set(point, value_of(1.2, 50, 0.01));
  values_.close(1);
  const std::size_t point = 2 * 13 + 1;
  double weights = 0;
  for (const NodeWeight& w : levels_.around(point, 1)) weights += std::abs(w.weight);
  ASSERT_NEAR(values_.doubt(point, 1), 0.1, 1e-12);
  EXPECT_NEAR(values_.interpolate(point, 1).loss().standard_error, std::hypot(0.01 * weights, 0.1), 1e-12);
  EXPECT_NEAR(values_.interpolate(point, 1).accuracy().standard_error, 0.1 * weights, 1e-12);
}

TEST_F(LevelValuesTest, DoubtWhatIsNotFinite) {
  set_level(0, [](std::size_t) { return 1.0; });
  set_level(1, [](std::size_t p) { return p == 2 ? INFINITY : 1.0; });
  EXPECT_EQ(values_.doubt(1, 1), INFINITY);
  EXPECT_EQ(values_.range(), 0);  // of the finite values
}

TEST_F(LevelValuesTest, DoubtTheLossByHalfASurpriseAndOtherValuesByAllOfIt) {
  set_level(0, [](std::size_t) { return 1.0; });
  for (const std::size_t point : levels_.points(1)) values_.set(point, value_of(1.2, 54));
  values_.close(1);
  const SplitEstimate value = values_.interpolate(2 * 13 + 1, 1);
  EXPECT_NEAR(value.loss().standard_error, 0.1, 1e-12);
  EXPECT_NEAR(value.accuracy().standard_error, 4, 1e-12);
}

// For example a class without images.
TEST_F(LevelValuesTest, TheErrorOfWhatIsNotThereIsNotThereEither) {
  set_level(0, [](std::size_t) { return std::nan(""); });
  const SplitEstimate value = values_.interpolate(1, 0);
  EXPECT_TRUE(std::isnan(value.loss().mean));
  EXPECT_TRUE(std::isnan(value.loss().standard_error));
  EXPECT_EQ(value.accuracy().mean, 50);
}

}  // namespace
}  // namespace thalweg
