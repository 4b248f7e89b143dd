#include "trajectory/projection.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/error.h"
#include "expect_error.h"
#include "trajectory/weights_fixture.h"

namespace thalweg {
namespace {

Plane make_plane(const at::Tensor& origin, const at::Tensor& d1, const at::Tensor& d2) {
  Plane plane;
  plane.origin = origin;
  plane.d1 = d1;
  plane.d2 = d2;
  return plane;
}

TEST(Projection, FindsCoordinatesAlongSkewAxesOfAnyLength) {
  const Plane plane = make_plane(vec({1, 1, 1, 1}), vec({2, 0, 0, 0}), vec({1, 4, 0, 0}));
  // origin + 3 d1 - 0.5 d2 + (0, 0, 3, 4)
  const auto [x, y, off_plane] = project_rows(plane, {{"main", 0, vec({6.5, -1, 4, 5})}})[0];
  EXPECT_NEAR(x, 3, 1e-14);
  EXPECT_NEAR(y, -0.5, 1e-14);
  EXPECT_NEAR(off_plane, 5, 1e-14);
}

TEST(Projection, LeavesNothingOverOnThePlane) {
  const at::Tensor vectors = normal_matrix(3, 4096, 1);
  const Plane plane = make_plane(vectors[0], vectors[1], vectors[2]);
  const at::Tensor w =
      (vectors[0].to(at::kDouble) + 0.25 * vectors[1].to(at::kDouble) - 2 * vectors[2].to(at::kDouble)).to(at::kFloat);
  const Projection p = project_rows(plane, {{"main", 0, w}})[0];
  // Float32 rounding of w: 6e-8 per element.
  EXPECT_NEAR(p.x, 0.25, 1e-7);
  EXPECT_NEAR(p.y, -2, 1e-7);
  EXPECT_LT(p.off_plane, 2e-5);
  const Projection at_origin = project_rows(plane, {{"main", 0, vectors[0]}})[0];
  EXPECT_EQ(at_origin.x, 0);
  EXPECT_EQ(at_origin.y, 0);
  EXPECT_EQ(at_origin.off_plane, 0);
}

TEST(Projection, SeesASmallDistanceFarOut) {
  // A difference of squares would compute 1e8 + 1e-10 - 1e8.
  const Plane plane = make_plane(vec({0, 0, 0}), vec({1, 0, 0}), vec({0, 1, 0}));
  const Projection p = project_rows(plane, {{"main", 0, vec({1e4f, -3, 1e-5f})}})[0];
  EXPECT_DOUBLE_EQ(p.x, 1e4);
  EXPECT_DOUBLE_EQ(p.off_plane, static_cast<double>(1e-5f));
}

TEST(Projection, ChunksDoNotChangeTheResult) {
  const at::Tensor vectors = normal_matrix(8, 501, 2);
  const Plane plane = make_plane(vectors[0], vectors[1], vectors[2]);
  const std::vector<WeightRow> rows = rows_of(vectors.slice(0, 3));
  const auto whole = project_rows(plane, rows);
  const auto parts = project_rows(plane, rows, 5 * 8 * 10);
  ASSERT_EQ(whole.size(), 5u);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_NEAR(whole[i].x, parts[i].x, 1e-12);
    EXPECT_NEAR(whole[i].y, parts[i].y, 1e-12);
    EXPECT_NEAR(whole[i].off_plane, parts[i].off_plane, 1e-11);
  }
}

TEST(Projection, OfNothingIsNothing) {
  const Plane plane = make_plane(vec({0, 0}), vec({1, 0}), vec({0, 1}));
  EXPECT_TRUE(project_rows(plane, {}).empty());
  EXPECT_TRUE(project_runs(plane, {}).empty());
}

TEST(Projection, RefusesDirectionsWithoutAPlane) {
  const std::vector<WeightRow> rows = {{"main", 0, vec({1, 2, 3})}};
  const at::Tensor zero = vec({0, 0, 0}), d = vec({1, 2, 3});
  expect_error([&] { project_rows(make_plane(zero, d, d * -2), rows); }, "collinear");
  expect_error([&] { project_rows(make_plane(zero, d, zero), rows); }, "collinear or zero");
}

TEST(Projection, OntoALineHasOneCoordinate) {
  Plane plane = make_plane(vec({1, 0, 0}), vec({2, 0, 0}), vec({0, 0, 0}));
  plane.provenance = {{"kind", "line"}};
  const std::vector<Projection> found = project_rows(plane, {{"main", 0, vec({4, 3, 4})}});
  EXPECT_EQ(found[0].x, 1.5);
  EXPECT_EQ(found[0].y, 0);
  EXPECT_EQ(found[0].off_plane, 5);
  plane.d1 = vec({0, 0, 0});
  expect_error([&] { project_rows(plane, {{"main", 0, vec({4, 3, 4})}}); }, "collinear or zero");
}

TEST(Projection, NamesRowsThatDoNotFit) {
  const Plane plane = make_plane(vec({0, 0, 0}), vec({1, 0, 0}), vec({0, 1, 0}));
  expect_error([&] { project_rows(plane, {{"main", 3, vec({1, 2})}}); }, "has 2 weights, but the plane is made for 3");
  // The bad value is at an element where both directions are zero.
  expect_error([&] { project_rows(plane, {{"late", 7, vec({1, 2, INFINITY})}}); }, "run late at step 7");
  expect_error([&] { project_rows(plane, {{"late", 7, vec({1, NAN, 0})}}); }, "run late at step 7");
}

TEST(Projection, OfRunsKeepsTheirOrderAndNames) {
  const Plane plane = make_plane(vec({0, 0, 0}), vec({1, 0, 0}), vec({0, 1, 0}));
  const at::Tensor none = at::empty({0}, at::kFloat);
  const RunPath main = {
      "main", {}, {{0, 0, 0.1, {}, ""}, {8, 2, 0.1, {}, ""}}, {vec({1, 0, 0}), vec({2, 3, 0})}, {none, none}};
  const RunPath branch = {"branch", Fork{0, 8}, {{8, 2, 0.01, {}, ""}}, {vec({2, 3, 0})}, {none}};
  const std::vector<PathPoint> path = project_runs(plane, {main, branch});
  ASSERT_EQ(path.size(), 3u);
  EXPECT_EQ(path[1].run, "main");
  EXPECT_EQ(path[1].step, 8);
  EXPECT_EQ(path[1].epoch, 2);
  EXPECT_EQ(path[1].x, 2);
  EXPECT_EQ(path[1].y, 3);
  EXPECT_EQ(path[2].run, "branch");
  EXPECT_EQ(path[2].lr, 0.01);
  EXPECT_EQ(path[2].x, 2);
}

}  // namespace
}  // namespace thalweg
