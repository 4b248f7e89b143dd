#include "theory/landscape.h"

#include <algorithm>
#include <iterator>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "tests/theory/fixture.h"

namespace thalweg {
namespace {

using nlohmann::json;

bool is_inside(const Surface& surface, const json& mark) {
  const double x = mark["x"], y = mark["y"];
  return x > surface.x.front() && x < surface.x.back() && y > surface.y.front() && y < surface.y.back();
}

TEST(TheoryLandscape, MarksTheMinimumNormSolutionAndTheTruth) {
  for (const char* kind : {"pca", "solutions"}) {
    const TheoryStudy study = simulated_study({{"landscape", {{"plane", kind}, {"grid", "9x7"}}}});
    const std::optional<ReportData> data = theory_landscape(study, at::kCPU);
    ASSERT_TRUE(data);
    const Surface& surface = data->surfaces[0];
    const json& marks = surface.provenance["marks"];
    ASSERT_EQ(marks.size(), 2u);
    EXPECT_EQ(marks[0]["name"], "minimum-norm solution");
    EXPECT_EQ(marks[1]["name"], "w*");
    EXPECT_TRUE(is_inside(surface, marks[0]) && is_inside(surface, marks[1]));
    const bool off = marks[1]["off_plane"] > 1e-3;
    EXPECT_EQ(off, std::string(kind) == "pca");
    for (const PathPoint& point : surface.path) EXPECT_TRUE(point.run == "main" || point.run.starts_with("decay-at-"));
    const std::string svg = landscape_figure(*data).svg;
    EXPECT_NE(svg.find(">minimum-norm solution<"), std::string::npos);
    EXPECT_NE(svg.find(">w*<"), std::string::npos);
    EXPECT_EQ(svg.find("Off the plane:") != std::string::npos, off);
  }
}

TEST(TheoryLandscape, BranchesBeginOnTheMainPath) {
  const TheoryStudy study = simulated_study({{"landscape", {{"grid", "9x7"}}}});
  const std::vector<PathPoint> path = theory_landscape(study, at::kCPU)->surfaces[0].path;
  const std::vector<std::int64_t>& steps = study.runs.steps;
  for (const std::int64_t decay : {0, 100}) {
    const auto branch = std::ranges::find(path, fmt::format("decay-at-{}", decay), &PathPoint::run);
    ASSERT_NE(branch, path.end());
    EXPECT_EQ(branch->step, *std::prev(std::ranges::upper_bound(steps, decay)));
    const auto main = std::ranges::find_if(
        path, [&](const PathPoint& point) { return point.run == "main" && point.step == branch->step; });
    ASSERT_NE(main, path.end());
    EXPECT_EQ(branch->x, main->x);
    EXPECT_EQ(branch->y, main->y);
  }
}

TEST(TheoryLandscape, IsLeftOutIfThePathsLieOnALine) {
  const TheoryStudy study = simulated_study({{"gamma", 0}, {"samples", 1}, {"noise", {{"kind", "fixed"}}}});
  EXPECT_FALSE(theory_landscape(study, at::kCPU));
}

TEST(TheoryLandscape, NamesTheRisk) {
  const TheoryStudy study = simulated_study({{"landscape", {{"grid", "9x7"}}}});
  const std::string svg = landscape_figure(theory_landscape(study, at::kCPU).value()).svg;
  for (const char* text : {">Train loss<", ">Risk<", ">minimum of risk<", "<title>risk minimum "})
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  for (const char* text : {"Test loss", "test loss", "test minimum"})
    EXPECT_EQ(svg.find(text), std::string::npos) << text;
}

TEST(TheoryLandscape, ThePlaneOfTheSolutionsBeginsAtTheMinimumNormSolution) {
  const TheoryStudy study = simulated_study({{"landscape", {{"plane", "solutions"}, {"grid", "9x7"}}}});
  const json marks = theory_landscape(study, at::kCPU)->surfaces[0].provenance["marks"];
  const TheoryProblem& problem = study.problems[0];
  EXPECT_NEAR(marks[0]["x"], 0, 1e-6);
  EXPECT_NEAR(marks[0]["y"], 0, 1e-6);
  EXPECT_NEAR(marks[1]["x"], (problem.solution - problem.truth).norm().item<double>(), 1e-6);
  EXPECT_NEAR(marks[1]["y"], 0, 1e-6);
}

}  // namespace
}  // namespace thalweg
