#include "landscape/image_guess.h"

#include <cmath>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

// The losses of three images at a point of the plane; they are bicubic in x and y, so every guess is exact.
std::vector<float> losses_at(double x, double y) {
  return {static_cast<float>(1 + x), static_cast<float>(x * x * y), static_cast<float>(2 - x * x * x + y * y)};
}

class ImageGuessTest : public testing::Test {
 protected:
  ImageGuessTest() : grid_(make_grid({13, 13}, {-1, 1, -1, 1})), levels_(grid_), guess_(levels_) {
    for (const std::size_t point : levels_.points(0)) add(point);
  }
  void add(std::size_t point) {
    const std::vector<float> losses = losses_at(grid_.x[point % 13], grid_.y[point / 13]);
    const double mean = (static_cast<double>(losses[0]) + losses[1] + losses[2]) / 3;
    guess_.add(point, {{losses, {0, 0, 0}, {1, 0, 1}}, {{{mean, 0}, {200.0 / 3, 0}}, 3}});
  }
  void expect_right(std::size_t point) {
    const std::vector<float> truth = losses_at(grid_.x[point % 13], grid_.y[point / 13]);
    double sum = 0, mean = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      double loss = 0;
      for (const auto& [node, weight] : guess_.at(point)) loss += weight * static_cast<double>(node->images.losses[i]);
      EXPECT_NEAR(loss, truth[i], 1e-5) << point;
    }
    for (const auto& [node, weight] : guess_.at(point)) {
      sum += weight;
      mean += weight * node->value.loss().mean;
    }
    EXPECT_NEAR(sum, 1, 1e-12);
    EXPECT_NEAR(mean, (static_cast<double>(truth[0]) + truth[1] + truth[2]) / 3, 1e-5);
  }

  Grid grid_;
  LevelGrid levels_;
  ImageGuess guess_;
};

TEST_F(ImageGuessTest, IsMadeOfCoarseNodesWhereThereAreNoOthers) {
  for (const std::size_t level : {1u, 2u}) {
    for (const std::size_t point : levels_.points(level)) {
      EXPECT_LE(guess_.at(point).size(), 16u);
      expect_right(point);
    }
  }
}

TEST_F(ImageGuessTest, TakesFinerNodesWhereTheyAre) {
  const std::size_t near = 2 * 13 + 2;
  ASSERT_EQ(levels_.level_of(near), 1u);
  add(near);
  const std::size_t point = 2 * 13 + 3;  // a neighbour in level 2
  double weight_of_near = 0;
  for (const auto& [node, weight] : guess_.at(point)) {
    if (node->value.loss().mean == guess_.at(point + 1).front().node->value.loss().mean) continue;
    weight_of_near = std::max(weight_of_near, weight);
  }
  EXPECT_GT(guess_.at(point).size(), 1u);
  EXPECT_GT(weight_of_near, 0.4);
  for (const std::size_t p : levels_.points(2)) expect_right(p);
}

TEST_F(ImageGuessTest, IsNotFiniteWhereANodeIsNot) {
  guess_.add(0, {{{INFINITY, 1, 1}, {0, 0, 0}, {0, 0, 0}}, {{{INFINITY, 0}, {0, 0}}, 3}});
  double mean = 0;
  for (const auto& [node, weight] : guess_.at(1)) mean += weight * node->value.loss().mean;
  EXPECT_FALSE(std::isfinite(mean));
}

}  // namespace
}  // namespace thalweg
