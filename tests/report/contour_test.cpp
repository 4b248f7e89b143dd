#include "report/contour.h"

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include <gtest/gtest.h>

#include "base/error.h"

namespace thalweg {
namespace {

const double kNan = std::nan("");
const double kInf = std::numeric_limits<double>::infinity();

struct Grid {
  std::vector<double> x, y, values;
  GridView view() const { return {x, y, values}; }
};

std::vector<double> line(double low, double high, std::size_t count) {
  std::vector<double> v(count, low);
  for (std::size_t i = 0; i < count && count > 1; ++i) {
    v[i] = low + (high - low) * static_cast<double>(i) / static_cast<double>(count - 1);
  }
  return v;
}

Grid sample(std::vector<double> x, std::vector<double> y, const std::function<double(double, double)>& f) {
  Grid g{std::move(x), std::move(y), {}};
  for (const double b : g.y) {
    for (const double a : g.x) g.values.push_back(f(a, b));
  }
  return g;
}

// The signed area, positive if the ring runs counter-clockwise.
double area(const Polyline& ring) {
  double sum = 0;
  for (std::size_t i = 0; i < ring.points.size(); ++i) {
    const Point2 &a = ring.points[i], &b = ring.points[(i + 1) % ring.points.size()];
    sum += a.x * b.y - b.x * a.y;
  }
  return sum / 2;
}

double area(const std::vector<Polyline>& rings) {
  double sum = 0;
  for (const Polyline& ring : rings) sum += area(ring);
  return sum;
}

TEST(IsoLines, OfABowlIsOneClosedCircle) {
  const Grid g = sample(line(-2, 2, 81), line(-2, 2, 61), [](double x, double y) { return x * x + y * y; });
  const auto lines = iso_lines(g.view(), 1.5 * 1.5);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].closed);
  EXPECT_GT(lines[0].points.size(), 100u);
  // Linear interpolation of a quadratic errs by at most (cell / 2)^2 in the value.
  for (const Point2& p : lines[0].points) EXPECT_NEAR(std::hypot(p.x, p.y), 1.5, 0.001);
  // The higher side is outside and on the left, so the ring runs clockwise.
  EXPECT_NEAR(area(lines[0]), -std::numbers::pi * 1.5 * 1.5, 0.02);
}

TEST(IsoLines, OfAPlaneIsOneOpenExactLine) {
  const Grid g = sample(line(0, 4, 5), line(0, 2, 3), [](double x, double) { return x; });
  const auto lines = iso_lines(g.view(), 1.25);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_FALSE(lines[0].closed);
  ASSERT_EQ(lines[0].points.size(), 3u);
  for (const Point2& p : lines[0].points) EXPECT_DOUBLE_EQ(p.x, 1.25);
}

TEST(IsoLines, OfASaddleAreTwoBranchesThatDoNotCross) {
  const auto saddle = [](double x, double y) { return x * x - y * y; };
  const Grid g = sample(line(-1, 1, 20), line(-1, 1, 20), saddle);
  const auto right_left = iso_lines(g.view(), 0.1);
  ASSERT_EQ(right_left.size(), 2u);
  for (const auto& branch : right_left) {
    for (const Point2& p : branch.points) EXPECT_GT(p.x * branch.points.front().x, 0);
  }
  const auto up_down = iso_lines(g.view(), -0.1);
  ASSERT_EQ(up_down.size(), 2u);
  for (const auto& branch : up_down) {
    for (const Point2& p : branch.points) EXPECT_GT(p.y * branch.points.front().y, 0);
  }
}

TEST(IsoLines, InASaddleCellTheMeanOfTheCornersDecides) {
  Grid g{{0, 1}, {0, 1}, {1, 0, 0, 1}};  // high at (0, 0) and (1, 1); mean 0.5
  for (const double level : {0.4, 0.6}) {
    const auto lines = iso_lines(g.view(), level);
    ASSERT_EQ(lines.size(), 2u);
    // Joined (0.4): a line cuts off a low corner, so it starts and ends beside that; apart (0.6): beside a high corner.
    const Point2 middle{(lines[0].points[0].x + lines[0].points[1].x) / 2,
                        (lines[0].points[0].y + lines[0].points[1].y) / 2};
    const bool beside_low = (middle.x > 0.5) != (middle.y > 0.5);
    EXPECT_EQ(beside_low, level < 0.5);
  }
  EXPECT_NEAR(area(region_outlines(g.view(), 0.4)), 1 - 0.4 * 0.4, 1e-12);
  EXPECT_NEAR(area(region_outlines(g.view(), 0.6)), 0.4 * 0.4, 1e-12);
}

TEST(IsoLines, StayOutOfCellsWithoutAFiniteCorner) {
  for (const double hole : {kNan, kInf, -kInf}) {
    Grid g = sample(line(0, 6, 7), line(0, 6, 7), [](double, double y) { return y; });
    g.values[3 * 7 + 3] = hole;
    const auto lines = iso_lines(g.view(), 2.5);  // would pass through the cells below the hole
    ASSERT_EQ(lines.size(), 2u);
    for (const auto& l : lines) {
      for (const Point2& p : l.points) EXPECT_TRUE(p.x <= 2 || p.x >= 4);
    }
    EXPECT_NEAR(area(region_outlines(g.view(), -kInf)), 36 - 4, 1e-12);
    EXPECT_EQ(region_outlines(g.view(), -kInf).size(), 2u);  // the border and the hole
  }
}

TEST(IsoLines, OfAConstantSurfaceAreNone) {
  const Grid g = sample(line(0, 1, 4), line(0, 1, 5), [](double, double) { return 2.0; });
  EXPECT_TRUE(iso_lines(g.view(), 1).empty());
  EXPECT_TRUE(iso_lines(g.view(), 2).empty());  // equal values count as above
  EXPECT_TRUE(iso_lines(g.view(), 3).empty());
  EXPECT_NEAR(area(region_outlines(g.view(), 2)), 1, 1e-12);
  EXPECT_TRUE(region_outlines(g.view(), 3).empty());
}

TEST(IsoLines, OfGridsWithoutCellsAreNone) {
  for (const auto& [nx, ny] : {std::pair{1, 1}, {1, 7}, {7, 1}, {0, 0}}) {
    const Grid g = sample(line(0, 1, static_cast<std::size_t>(nx)), line(0, 1, static_cast<std::size_t>(ny)),
                          [](double x, double y) { return x + y; });
    EXPECT_TRUE(iso_lines(g.view(), 0.5).empty());
    EXPECT_TRUE(region_outlines(g.view(), -kInf).empty());
  }
}

TEST(IsoLines, OfTheSmallestGridInterpolatesLinearly) {
  const Grid g{{0, 1}, {0, 1}, {0, 4, 0, 4}};
  const auto lines = iso_lines(g.view(), 1);
  ASSERT_EQ(lines.size(), 1u);
  ASSERT_EQ(lines[0].points.size(), 2u);
  EXPECT_DOUBLE_EQ(lines[0].points[0].x, 0.25);
  EXPECT_DOUBLE_EQ(lines[0].points[1].x, 0.25);
}

TEST(IsoLines, ThroughGridNodesStayJoined) {
  const Grid g = sample(line(-3, 3, 7), line(-3, 3, 7), [](double x, double y) { return std::abs(x) + std::abs(y); });
  const auto lines = iso_lines(g.view(), 2);  // a diamond whose line passes through nodes only
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].closed);
  EXPECT_NEAR(area(lines[0]), -8, 1e-12);
}

TEST(IsoLines, RefuseAGridOfTheWrongSize) {
  const Grid g{{0, 1}, {0, 1}, {0, 1, 2}};
  EXPECT_THROW(iso_lines(g.view(), 1), Error);
}

TEST(RegionOutlines, OfAscendingLevelsHaveTheAreasOfTheRegions) {
  const Grid g = sample(line(-2, 2, 41), line(-2, 2, 41), [](double x, double y) { return x * x + y * y; });
  for (const double level : {0.5, 1.0, 3.0}) {
    EXPECT_NEAR(area(region_outlines(g.view(), level)), 16 - std::numbers::pi * level, 0.05);
  }
  for (const Polyline& ring : region_outlines(g.view(), 1.0)) EXPECT_TRUE(ring.closed);
}

}  // namespace
}  // namespace thalweg
