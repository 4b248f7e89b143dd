#include "trajectory/window_planes.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include <ATen/ops/equal.h>
#include <ATen/ops/linalg_qr.h>

#include "expect_error.h"
#include "trajectory/weights_fixture.h"

namespace thalweg {
namespace {

constexpr std::int64_t kParams = 60;

// A helix in R^60 along three random orthogonal axes: radius 1, two turns, and a rise of 0.3 per radian. No plane
// contains it: its curvature is 1 / (1 + 0.3^2) and its torsion 0.3 / (1 + 0.3^2).
std::vector<RunPath> helix(std::int64_t num_snapshots, const std::string& branch = "") {
  const at::Tensor axes = std::get<0>(at::linalg_qr(normal_matrix(kParams, 3, 5).to(at::kDouble)));
  const auto at_angle = [&](double t) {
    return (axes.select(1, 0) * std::cos(t) + axes.select(1, 1) * std::sin(t) + axes.select(1, 2) * (0.3 * t) + 2)
        .to(at::kFloat)
        .contiguous();
  };
  std::vector<RunPath> runs{{"main", {}, {}, {}, {}}};
  for (std::int64_t i = 0; i < num_snapshots; ++i) {
    const double t = 4 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(num_snapshots - 1);
    runs[0].infos.push_back({10 * i, static_cast<double>(i), 0.1, {}, ""});
    runs[0].weights.push_back(at_angle(t));
    runs[0].buffers.push_back(vec({static_cast<float>(i)}));
  }
  if (!branch.empty()) {
    const at::Tensor start = runs[0].weights[4];
    runs.push_back(
        {branch, Fork{0, 40}, {{40, 4, 0.1, {}, ""}, {50, 5, 0.1, {}, ""}}, {start, start + 1}, {vec({4}), vec({5})}});
  }
  return runs;
}

PlaneContext context() {
  PlaneContext out;
  out.layout = nlohmann::json::array({{{"name", "w"}, {"shape", {kParams}}, {"offset", 0}}});
  out.buffer_layout = nlohmann::json::array({{{"name", "bn"}, {"shape", {1}}, {"offset", 0}}});
  return out;
}

std::vector<Plane> planes_of(const std::vector<RunPath>& runs, int count, PlaneOrigin origin = PlaneOrigin::kMean) {
  std::vector<Plane> planes;
  window_planes(runs, count, origin, context(), [&](Plane plane) { planes.push_back(std::move(plane)); });
  return planes;
}

double explained(const nlohmann::json& shares) {
  return shares[0].get<double>() + shares[1].get<double>();
}

double of_window(const Plane& plane, const char* key) {
  return plane.provenance.at("window").at(key).get<double>();
}

TEST(CutWindows, ShareTheirBordersAndDivideTheSnapshotsEvenly) {
  using Windows = std::vector<std::pair<std::size_t, std::size_t>>;
  EXPECT_EQ(cut_windows(13, 4), (Windows{{0, 3}, {3, 6}, {6, 9}, {9, 12}}));
  EXPECT_EQ(cut_windows(9, 3), (Windows{{0, 3}, {3, 5}, {5, 8}}));
  for (std::size_t n = 3; n < 60; ++n) {
    for (int count = 1; count <= static_cast<int>(n / 3); ++count) {
      const Windows windows = cut_windows(n, count);
      EXPECT_EQ(windows.front().first, 0u);
      EXPECT_EQ(windows.back().second, n - 1);
      for (std::size_t k = 0; k < windows.size(); ++k) {
        EXPECT_GE(windows[k].second - windows[k].first, 2u);
        if (k > 0) {
          EXPECT_EQ(windows[k].first, windows[k - 1].second);
        }
      }
    }
  }
}

TEST(CutWindows, NeedThreeSnapshotsEach) {
  expect_error([] { cut_windows(11, 4); },
               "4 windows need at least 12 snapshots of the main path, but there are 11: "
               "use at most 3 windows");
}

TEST(WindowPlanes, ExplainACurveThatOnePlaneDoesNot) {
  for (const Plane& plane : planes_of(helix(97), 8)) {
    EXPECT_LT(explained(plane.provenance.at("window").at("one_plane_explained_variance")), 0.95);
    EXPECT_GT(explained(plane.provenance.at("explained_variance")), 0.999);
    EXPECT_LT(of_window(plane, "rms_off_plane"), 0.1 * of_window(plane, "one_plane_rms_off_plane"));
  }
}

// At arc length s from a point, a curve deviates from the plane of its tangent and normal by curvature * torsion * s^3
// / 6, and from the fitted plane by a constant fraction of that.
TEST(WindowPlanes, AHelixLeavesThemByTheCubeOfTheirLength) {
  const std::vector<RunPath> runs = helix(385);
  const double of_8 = of_window(planes_of(runs, 8)[3], "rms_off_plane");
  const double of_16 = of_window(planes_of(runs, 16)[7], "rms_off_plane");
  EXPECT_NEAR(of_8 / of_16, 8, 0.4);
}

// A curve deviates from its tangent by curvature * s^2 / 2; the second direction's extent relative to the first's, s,
// is proportional to s.
TEST(WindowPlanes, TheirSecondDirectionFallsAsTheSquareOfTheLength) {
  const std::vector<RunPath> runs = helix(385);
  const auto ratio = [](const Plane& plane) {
    return std::sqrt(plane.provenance.at("explained_variance")[1].get<double>() /
                     plane.provenance.at("explained_variance")[0].get<double>());
  };
  EXPECT_NEAR(ratio(planes_of(runs, 16)[7]) / ratio(planes_of(runs, 32)[15]), 2, 0.1);
}

TEST(WindowPlanes, OfOneWindowIsThePlaneOfTheMainPath) {
  const std::vector<RunPath> runs = helix(20);
  const Plane one = planes_of(runs, 1)[0], whole = pca_plane(runs, PlaneOrigin::kMean, context());
  EXPECT_TRUE(at::equal(one.origin, whole.origin));
  EXPECT_TRUE(at::equal(one.d2, whole.d2));
  EXPECT_EQ(of_window(one, "rms_off_plane"), of_window(one, "one_plane_rms_off_plane"));
  // The spread consists of a part that the plane explains and a part off it.
  const double off = of_window(one, "rms_off_plane"), spread = of_window(one, "rms_spread");
  EXPECT_NEAR(1 - off * off / (spread * spread), explained(whole.provenance.at("explained_variance")), 1e-6);
}

TEST(WindowPlanes, HoldTheWholePathAndTheirOwnPart) {
  const std::vector<Plane> planes = planes_of(helix(13, "late"), 4, PlaneOrigin::kFirst);
  ASSERT_EQ(planes.size(), 4u);
  for (const Plane& plane : planes) EXPECT_EQ(plane.path.size(), 15u);
  EXPECT_EQ(planes[1].path[3].off_plane, 0);  // its first snapshot is its origin
  EXPECT_EQ(planes[1].buffers.item<float>(), 3);
  EXPECT_EQ(planes[1].provenance.at("num_snapshots"), 4);
  EXPECT_EQ(of_window(planes[1], "number"), 2);
  EXPECT_EQ(of_window(planes[1], "first_step"), 30);
  EXPECT_EQ(of_window(planes[1], "last_epoch"), 6);
  const std::vector<PathPoint> own = fitted_points(planes[1].path, planes[1].provenance);
  ASSERT_EQ(own.size(), 4u);  // without the branch's steps 40 and 50
  EXPECT_EQ(own.front().step, 30);
  EXPECT_EQ(own.back().run, "main");
  EXPECT_EQ(fitted_points(planes[1].path, {{"kind", "pca"}}).size(), 15u);
}

}  // namespace
}  // namespace thalweg
