#include "train/lr_range.h"

#include <cmath>

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

// Rates from 1e-4 to 1. The loss falls along a logistic curve around 1e-2, and rises from 1e-1 on.
std::vector<LrRangePoint> valley() {
  std::vector<LrRangePoint> points;
  for (int k = 0; k <= 80; ++k) {
    const double exponent = -4 + 0.05 * k;
    const double loss = 2 - 1 / (1 + std::exp(-8 * (exponent + 2))) + std::max(0.0, exponent + 1) * 3;
    points.push_back({std::pow(10, exponent), loss, loss});
  }
  return points;
}

TEST(LrRangeTest, SuggestsTheSteepestFallAndTheBottom) {
  const auto suggestion = suggest_lr(valley());
  ASSERT_TRUE(suggestion);
  EXPECT_NEAR(std::log10(suggestion->steepest), -2, 0.06);
  EXPECT_NEAR(std::log10(suggestion->lowest), -1, 0.06);
}

TEST(LrRangeTest, TheBottomMayBeTheLastPoint) {
  std::vector<LrRangePoint> points = valley();
  points.resize(60);  // up to 1e-1
  const auto suggestion = suggest_lr(points);
  ASSERT_TRUE(suggestion);
  EXPECT_EQ(suggestion->lowest, points.back().lr);
}

TEST(LrRangeTest, SuggestsNothingWhereTheLossNeverFalls) {
  std::vector<LrRangePoint> points = valley();
  for (LrRangePoint& point : points) point.smoothed = 1 + point.lr;
  EXPECT_FALSE(suggest_lr(points));
  EXPECT_FALSE(suggest_lr({}));
}

TEST(LrRangeTest, TheTableLeavesCellsEmptyThatAreNoNumbers) {
  EXPECT_EQ(lr_range_csv({{0.1, 2.5, 2.5}, {0.25, NAN, INFINITY}}), "lr,loss,smoothed_loss\n0.1,2.5,2.5\n0.25,,\n");
}

TEST(LrRangeTest, ATableIsToldByItsColumns) {
  TempFolder folder;
  write_file_atomically(folder / "own.csv", lr_range_csv({}));
  EXPECT_NO_THROW(check_lr_range_csv(folder / "own.csv"));
  for (const char* text : {"", "lr,loss", "lr,loss,accuracy\n0.1,2,3\n"}) {
    write_file_atomically(folder / "other.csv", text);
    expect_error([&] { check_lr_range_csv(folder / "other.csv"); }, "is not the table of an LR range test");
  }
}

}  // namespace
}  // namespace thalweg
