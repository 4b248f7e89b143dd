#include "trajectory/build_plane.h"

#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include "base/error.h"
#include "expect_error.h"
#include "io/temp_folder.h"
#include "trajectory/weights_fixture.h"

namespace thalweg {
namespace {

using nlohmann::json;

PlaneContext context_of(std::int64_t num_params, std::int64_t num_buffers) {
  PlaneContext context;
  context.layout = json::array({{{"name", "w"}, {"shape", {num_params}}, {"offset", 0}}});
  context.buffer_layout = json::array({{{"name", "bn"}, {"shape", {num_buffers}}, {"offset", 0}}});
  context.provenance = {{"model", {{"name", "mlp"}}}, {"commit", "abc"}};
  return context;
}

RunPath make_run(const std::string& name, std::optional<Fork> fork, const at::Tensor& matrix, std::int64_t first) {
  RunPath run{name, fork, {}, {}, {}};
  for (std::int64_t i = 0; i < matrix.size(0); ++i) {
    const std::int64_t step = first + i;
    run.infos.push_back({step, static_cast<double>(step) / 2, 0.1, {}, ""});
    run.weights.push_back(matrix[i].contiguous());
    run.buffers.push_back(vec({static_cast<float>(step), 1}));
  }
  return run;
}

// Six snapshots of a main path and four of a branch that forks at step 3, with 50 weights each.
std::vector<RunPath> example_runs() {
  const at::Tensor main = normal_matrix(6, 50, 1).cumsum(0);
  at::Tensor branch = normal_matrix(4, 50, 2);
  branch[0].copy_(main[3]);
  return {make_run("main", {}, main, 0), make_run("late", Fork{0, 3}, branch.cumsum(0), 3)};
}

TEST(PcaPlane, SpansTheRunsAroundTheMeanOfDistinctSnapshots) {
  const std::vector<RunPath> runs = example_runs();
  const Plane plane = pca_plane(runs, PlaneOrigin::kMean, context_of(50, 2));

  std::vector<at::Tensor> distinct = runs[0].weights;
  distinct.insert(distinct.end(), runs[1].weights.begin() + 1, runs[1].weights.end());
  const at::Tensor mean = at::stack(distinct).to(at::kDouble).mean(0);
  EXPECT_LT((mean - plane.origin).abs().max().item<double>(), 1e-6);
  // The distinct snapshots are steps 0..5 of the main path and 4..6 of the branch.
  EXPECT_TRUE(at::equal(plane.buffers, vec({30.0f / 9, 1})));

  ASSERT_EQ(plane.path.size(), 10u);
  double along = 0, total = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    if (i == 6) continue;  // the fork point, a duplicate
    const PathPoint& p = plane.path[i];
    along += p.x * p.x;
    total += p.x * p.x + p.y * p.y + p.off_plane * p.off_plane;
  }
  EXPECT_NEAR(plane.provenance["explained_variance"][0].get<double>(), along / total, 1e-6);
  EXPECT_NEAR(plane.provenance["eigenvalues"][0].get<double>(), along, 1e-5 * along);
  EXPECT_EQ(plane.path[6].run, "late");
  EXPECT_EQ(plane.path[6].x, plane.path[3].x);
  EXPECT_EQ(plane.path[6].off_plane, plane.path[3].off_plane);
}

TEST(PcaPlane, TellsHowItWasMade) {
  const Plane plane = pca_plane(example_runs(), PlaneOrigin::kFinal, context_of(50, 2));
  const json& p = plane.provenance;
  EXPECT_EQ(p["kind"], "pca");
  EXPECT_EQ(p["origin"], "final");
  EXPECT_EQ(p["num_snapshots"], 9);
  EXPECT_EQ(p["model"]["name"], "mlp");
  EXPECT_EQ(p["commit"], "abc");
  EXPECT_EQ(p["explained_variance"].size(), 2u);
  EXPECT_EQ(p["random_walk_variance"].size(), 2u);
  EXPECT_EQ(p["eigenvalues"].size(), 9u);
  EXPECT_GT(p["random_walk_variance"][0].get<double>(), p["random_walk_variance"][1].get<double>());
}

TEST(PcaPlane, OriginMayBeAnEndOfTheMainPath) {
  const std::vector<RunPath> runs = example_runs();
  const Plane final = pca_plane(runs, PlaneOrigin::kFinal, context_of(50, 2));
  EXPECT_TRUE(at::equal(final.origin, runs[0].weights.back()));
  EXPECT_TRUE(at::equal(final.buffers, runs[0].buffers.back()));
  EXPECT_EQ(final.path[5].x, 0);
  EXPECT_EQ(final.path[5].off_plane, 0);
  const Plane first = pca_plane(runs, PlaneOrigin::kFirst, context_of(50, 2));
  EXPECT_TRUE(at::equal(first.origin, runs[0].weights.front()));
  EXPECT_TRUE(at::equal(first.buffers, runs[0].buffers.front()));
}

TEST(PcaPlane, IsAFileThatReadsBack) {
  TempFolder folder;
  const Plane plane = pca_plane(example_runs(), PlaneOrigin::kMean, context_of(50, 2));
  write_plane(folder / "plane.safetensors", plane);
  const Plane read = read_plane(folder / "plane.safetensors");
  EXPECT_TRUE(at::equal(read.d2, plane.d2));
  EXPECT_EQ(read.provenance, plane.provenance);
  EXPECT_EQ(to_json(read.path[9]), to_json(plane.path[9]));
}

TEST(PcaPlane, RefusesBuffersOfAnotherModel) {
  std::vector<RunPath> runs = example_runs();
  runs[1].buffers[2] = vec({1, 2, 3});
  expect_error([&] { pca_plane(runs, PlaneOrigin::kMean, context_of(50, 2)); }, "run late has 3 buffers at step 5");
}

TEST(PlaneOrigin, IsParsedByName) {
  const auto parsed = [](const char* name) { return parse_enum("--origin", name, plane_origins()); };
  EXPECT_EQ(parsed("mean"), PlaneOrigin::kMean);
  EXPECT_EQ(parsed("final"), PlaneOrigin::kFinal);
  EXPECT_EQ(parsed("first"), PlaneOrigin::kFirst);
  expect_usage_error([&] { parsed("last"); }, "--origin: expected one of mean, final, first, got 'last'");
}

std::array<PlanePoint, 3> points_of(const at::Tensor& matrix) {
  std::array<PlanePoint, 3> points;
  for (std::size_t i = 0; i < 3; ++i) {
    points[i].label.run = std::string(1, static_cast<char>('a' + i));
    points[i].label.step = static_cast<std::int64_t>(i);
    points[i].weights = matrix[static_cast<std::int64_t>(i)].contiguous();
  }
  return points;
}

TEST(PointsPlane, HasItsPointsOnIt) {
  const at::Tensor matrix = at::stack({vec({1, 1, 1}), vec({1, 4, 1}), vec({3, 0, 1})});
  const Plane plane = points_plane(points_of(matrix), vec({7, 8}), context_of(3, 2));
  EXPECT_TRUE(at::equal(plane.origin, vec({1, 1, 1})));
  EXPECT_TRUE(at::equal(plane.d1, vec({0, 1, 0})));
  EXPECT_TRUE(at::equal(plane.d2, vec({1, 0, 0})));
  EXPECT_TRUE(at::equal(plane.buffers, vec({7, 8})));
  const std::vector<std::pair<double, double>> expected = {{0, 0}, {3, 0}, {-1, 2}};
  ASSERT_EQ(plane.path.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(plane.path[i].x, expected[i].first);
    EXPECT_EQ(plane.path[i].y, expected[i].second);
    EXPECT_EQ(plane.path[i].off_plane, 0);
  }
  EXPECT_EQ(plane.path[2].run, "c");
  EXPECT_EQ(plane.provenance["kind"], "points");
  EXPECT_EQ(plane.provenance["points"][1], (json{{"run", "b"}, {"step", 1}}));
  EXPECT_EQ(plane.provenance["commit"], "abc");
}

TEST(PointsPlane, HasUnitAxesInHighDimension) {
  at::Tensor matrix = normal_matrix(3, 10'000, 3);
  matrix[2].copy_(matrix[0] + 0.999 * (matrix[1] - matrix[0]) + 1e-2 * matrix[2]);  // nearly on one line
  const Plane plane = points_plane(points_of(matrix), at::empty({0}, at::kFloat), context_of(10'000, 0));
  const at::Tensor d1 = plane.d1.to(at::kDouble), d2 = plane.d2.to(at::kDouble);
  EXPECT_NEAR(d1.norm().item<double>(), 1, 1e-6);
  EXPECT_NEAR(d2.norm().item<double>(), 1, 1e-6);
  EXPECT_NEAR(d1.dot(d2).item<double>(), 0, 1e-6);
  EXPECT_GT(plane.path[2].y, 0);
  for (const PathPoint& point : plane.path) EXPECT_LT(point.off_plane, 1e-4);
}

TEST(PointsPlane, RefusesPointsOnOneLine) {
  const PlaneContext context = context_of(3, 0);
  const at::Tensor none = at::empty({0}, at::kFloat), a = vec({1, 2, 3}), b = vec({0, 2, 5});
  const at::Tensor middle = a + 0.3 * (b - a);
  const std::vector<std::vector<at::Tensor>> lines = {{a, b, middle}, {a, b, a}, {a, b, b}, {a, a, b}, {a, a, a}};
  for (const auto& line : lines) {
    expect_error([&] { points_plane(points_of(at::stack(line)), none, context); }, "lie on one line");
  }
  expect_error(
      [&] {
        points_plane(points_of(at::stack({a, b, vec({NAN, 0, 0})})), none, context);
      },
      "weights of c at step 2 are not finite");
}

TEST(LinePlane, GoesFromTheFirstPointToTheSecond) {
  const std::array<PlanePoint, 3> three = points_of(at::stack({vec({1, 1, 1}), vec({1, 4, 5}), vec({0, 0, 0})}));
  const Plane plane = line_plane({three[0], three[1]}, vec({7, 8}), context_of(3, 2));
  EXPECT_TRUE(at::equal(plane.origin, vec({1, 1, 1})));
  EXPECT_TRUE(at::equal(plane.d1, vec({0, 0.6f, 0.8f})));
  EXPECT_TRUE(at::equal(plane.d2, vec({0, 0, 0})));
  EXPECT_TRUE(at::equal(plane.buffers, vec({7, 8})));
  ASSERT_EQ(plane.path.size(), 2u);
  EXPECT_EQ(plane.path[0].x, 0);
  EXPECT_NEAR(plane.path[1].x, 5, 1e-6);
  for (const PathPoint& point : plane.path) {
    EXPECT_EQ(point.y, 0);
    EXPECT_NEAR(point.off_plane, 0, 1e-6);
  }
  EXPECT_EQ(plane.provenance["kind"], "line");
  EXPECT_EQ(plane.provenance["length"], 5);
  EXPECT_EQ(plane.provenance["points"][1], (json{{"run", "b"}, {"step", 1}}));
}

TEST(LinePlane, ComesBackFromItsFile) {
  const std::array<PlanePoint, 3> three = points_of(normal_matrix(3, 20, 6));
  const TempFolder folder;
  write_plane(folder / "line", line_plane({three[0], three[1]}, at::empty({0}, at::kFloat), context_of(20, 0)));
  const Plane plane = read_plane(folder / "line");
  EXPECT_EQ(plane.provenance["kind"], "line");
  EXPECT_FALSE(plane.d2.any().item<bool>());
}

TEST(LinePlane, RefusesEqualPoints) {
  const std::array<PlanePoint, 3> three = points_of(at::stack({vec({1, 2}), vec({1, 2}), vec({0, 0})}));
  expect_error(
      [&] {
        line_plane({three[0], three[1]}, at::empty({0}, at::kFloat), context_of(2, 0));
      },
      "a at step 0 and b at step 1 have the same weights");
}

// conv [4, 3, 2, 2] at 0, bn [4] at 48, fc [5, 4] at 52, its bias [5] at 72: 77 weights.
PlaneContext network_context() {
  PlaneContext context;
  context.layout = json::parse(R"([{"name": "conv.weight", "shape": [4, 3, 2, 2], "offset": 0},
                                   {"name": "bn.weight", "shape": [4], "offset": 48},
                                   {"name": "fc.weight", "shape": [5, 4], "offset": 52},
                                   {"name": "fc.bias", "shape": [5], "offset": 72}])");
  context.buffer_layout = json::array();
  return context;
}

const at::Tensor& no_buffers() {
  static const at::Tensor none = at::empty({0}, at::kFloat);
  return none;
}

TEST(RandomPlane, GivesEachFilterItsOwnLength) {
  at::Tensor origin = normal_matrix(1, 77, 4)[0];
  origin.slice(0, 12, 24).zero_();    // a dead filter
  origin.slice(0, 24, 36).mul_(100);  // a large one
  const Plane plane = random_plane(origin, no_buffers(), 5, network_context());
  EXPECT_TRUE(at::equal(plane.origin, origin));
  for (const at::Tensor& d : {plane.d1, plane.d2}) {
    for (const auto& [begin, size] : {std::pair{0, 12}, {12, 12}, {24, 12}, {36, 12}, {52, 4}, {56, 4}, {68, 4}}) {
      const double expected = origin.slice(0, begin, begin + size).to(at::kDouble).norm().item<double>();
      EXPECT_NEAR(d.slice(0, begin, begin + size).to(at::kDouble).norm().item<double>(), expected, 1e-6 * expected)
          << begin;
    }
    EXPECT_EQ(d.slice(0, 48, 52).abs().max().item<float>(), 0);
    EXPECT_EQ(d.slice(0, 72, 77).abs().max().item<float>(), 0);
  }
}

TEST(RandomPlane, DependsOnTheSeedAlone) {
  const at::Tensor origin = normal_matrix(1, 77, 4)[0];
  const Plane a = random_plane(origin, no_buffers(), 5, network_context());
  const Plane again = random_plane(origin, no_buffers(), 5, network_context());
  const Plane other = random_plane(origin, no_buffers(), 6, network_context());
  EXPECT_TRUE(at::equal(a.d1, again.d1));
  EXPECT_TRUE(at::equal(a.d2, again.d2));
  EXPECT_FALSE(at::equal(a.d1, other.d1));
  EXPECT_FALSE(at::equal(a.d1, a.d2));
  EXPECT_EQ(a.provenance["kind"], "random");
  EXPECT_EQ(a.provenance["seed"], 5);
  EXPECT_EQ(a.provenance["scaling"], "filter");
}

TEST(RandomPlane, DirectionsAreNearlyOrthogonalAndGaussian) {
  PlaneContext context;
  context.layout = json::parse(R"([{"name": "fc.weight", "shape": [1, 100000], "offset": 0}])");
  context.buffer_layout = json::array();
  const Plane plane = random_plane(normal_matrix(1, 100'000, 7)[0], no_buffers(), 1, context);
  const double cosine = plane.provenance["cosine"].get<double>();
  EXPECT_NE(cosine, 0);
  EXPECT_LT(std::abs(cosine), 0.015);  // five standard deviations of 1/sqrt(P)
  const at::Tensor d = plane.d1.to(at::kDouble) / plane.d1.to(at::kDouble).square().mean().sqrt();
  EXPECT_NEAR(d.mean().item<double>(), 0, 0.016);
  EXPECT_NEAR(d.pow(4).mean().item<double>(), 3, 0.16);  // kurtosis of a Gaussian; a uniform one has 1.8
}

TEST(RandomPlane, RefusesOriginsWithoutFilters) {
  const at::Tensor origin = normal_matrix(1, 77, 4)[0];
  expect_error([&] { random_plane(at::zeros_like(origin), no_buffers(), 1, network_context()); }, "are zero");
  expect_error([&] { random_plane(origin, no_buffers(), 1, context_of(77, 0)); }, "two or more dimensions");
  expect_error([&] { random_plane(origin.slice(0, 1), no_buffers(), 1, network_context()); }, "layout");
  expect_error([&] { random_plane(origin * NAN, no_buffers(), 1, network_context()); }, "finite float32");
}

}  // namespace
}  // namespace thalweg
