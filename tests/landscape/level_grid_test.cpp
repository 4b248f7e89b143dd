#include "landscape/level_grid.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace thalweg {
namespace {

Grid grid_of(int nx, int ny) {
  return make_grid({nx, ny}, {-1, 2, 0, 5});
}

using Points = std::vector<std::size_t>;

TEST(LevelGrid, TakesEveryPointOnceBeginningWithTheCorners) {
  for (const auto& [nx, ny] : {std::pair{51, 51}, {25, 10}, {1, 30}, {2, 2}, {1, 1}, {7, 4}}) {
    const Grid grid = grid_of(nx, ny);
    const LevelGrid levels(grid);
    std::set<std::size_t> seen;
    for (std::size_t level = 0; level < levels.count(); ++level) {
      for (const std::size_t point : levels.points(level)) {
        EXPECT_EQ(levels.level_of(point), level);
        EXPECT_TRUE(seen.insert(point).second);
      }
    }
    EXPECT_EQ(seen.size(), grid.size());
    EXPECT_EQ(levels.level_of(0), 0u);
    EXPECT_EQ(levels.level_of(grid.size() - 1), 0u);
    EXPECT_FALSE(levels.points(levels.count() - 1).empty());
  }
}

TEST(LevelGrid, IsTwiceAsFineFromLevelToLevel) {
  const Grid grid = grid_of(49, 25);
  const LevelGrid levels(grid);
  ASSERT_EQ(levels.count(), 5u);
  EXPECT_EQ(levels.points(0).size(), 4u * 4);
  EXPECT_EQ(levels.points(1).size(), 7u * 7 - 4 * 4);
  EXPECT_EQ(levels.points(3).size(), 25u * 25 - 13 * 13);
  EXPECT_EQ(levels.points(4).size(), 49u * 25 - 25 * 25);
  EXPECT_EQ(levels.points(0)[1], 16u);
}

double bicubic(double x, double y) {
  return (1 - x + 0.3 * x * x * x) * (2 + y * y - 0.1 * y * y * y);
}

TEST(LevelGrid, InterpolatesBicubicsFromCoarserLevels) {
  const Grid grid = grid_of(26, 19);  // levels with unequal steps
  const LevelGrid levels(grid);
  const auto value = [&](std::size_t point) { return bicubic(grid.x[point % 26], grid.y[point / 26]); };
  for (std::size_t point = 0; point < grid.size(); ++point) {
    for (std::size_t level = 0; level < levels.count(); ++level) {
      double sum = 0;
      for (const NodeWeight& w : levels.around(point, level)) {
        EXPECT_LE(levels.level_of(w.node), level);
        sum += w.weight * value(w.node);
      }
      EXPECT_NEAR(sum, value(point), 1e-11);
    }
    EXPECT_EQ(levels.around(point, levels.level_of(point)).size(), 1u);
  }
}

TEST(LevelGrid, FindsTheCornersOfACoarserCell) {
  const Grid grid = grid_of(7, 7);  // level 0: rows and columns 0, 2, 4, 6
  const LevelGrid levels(grid);
  EXPECT_EQ(levels.corners(8, 0), (Points{0, 2, 14, 16}));  // (1, 1)
  EXPECT_EQ(levels.corners(9, 0), (Points{2, 16}));         // (2, 1)
  EXPECT_EQ(levels.corners(16, 0), (Points{16}));           // (2, 2)
  EXPECT_EQ(levels.corners(8, 1), (Points{8}));
}

}  // namespace
}  // namespace thalweg
