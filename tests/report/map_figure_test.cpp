// Tests figures and page for maps that contain more than losses, and for lines.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "report/figure.h"
#include "report/map_paths.h"
#include "report/map_values.h"
#include "report/minima.h"
#include "report/page.h"
#include "report/run_style.h"
#include "report/synthetic_report.h"
#include "report/text_checks.h"
#include "trajectory/run_name.h"

namespace thalweg {
namespace {

nlohmann::json carried_surface(const ReportData& data) {
  return nlohmann::json::parse(page_data(data)).at("surfaces").at(0);
}

ReportData report_with_gap() {
  ReportData data = synthetic_report(2);
  add_gap(data.surfaces[0]);
  return data;
}

// A report with the middle row (or column) of the synthetic map.
ReportData line_report(bool row) {
  ReportData data = synthetic_report(1);
  Surface& s = data.surfaces[0];
  const std::size_t nx = s.x.size();
  for (auto& [key, values] : s.values) {
    std::vector<double> line;
    for (std::size_t i = 0; i < nx; ++i) line.push_back(values[row ? nx / 2 * nx + i : i * nx + nx / 2]);
    values = line;
  }
  (row ? s.y : s.x) = {0.5};
  return data;
}

TEST(GapFigure, StandsBesideTheMapWhereBothSplitsAreThere) {
  const auto figures = surface_figures(report_with_gap());
  ASSERT_EQ(figures.size(), 2u);
  const auto gap =
      std::find_if(figures.begin(), figures.end(), [](const Figure& f) { return f.name == "surface-gap.svg"; });
  ASSERT_NE(gap, figures.end());
  EXPECT_TRUE(is_well_formed(gap->svg));
  EXPECT_TRUE(contains(gap->svg, "Test minus train loss (nats)"));
  EXPECT_TRUE(contains(gap->svg, "Red: the loss is larger on the test images"));
}

TEST(SurfaceFigure, SaysHowItsValuesCame) {
  ReportData data = synthetic_report(1);
  Surface& s = data.surfaces[0];
  s.provenance["landscape"]["train_images"] = 4321;
  EXPECT_TRUE(contains(surface_figures(data)[0].svg, "Exact map: every value is computed over all 4321 train"));
  s.values["cell"].assign(s.x.size() * s.y.size(), 1);
  EXPECT_TRUE(contains(surface_figures(data)[0].svg, "Sampled map"));
  s.values["cell"][0] = 3;
  s.values["train_loss"][0] = s.values["test_loss"][0] = NAN;
  s.provenance["landscape"]["unfinished"] = true;
  const std::string svg = surface_figures(data)[0].svg;
  EXPECT_TRUE(contains(svg, "unfinished"));
  EXPECT_TRUE(contains(svg, "1 grid point not evaluated yet"));
  EXPECT_FALSE(contains(svg, "without a finite value"));
}

TEST(SurfaceFigure, DrawsTheRunsOfSeveralSeedsAlike) {
  ReportData data = synthetic_report(1);
  std::vector<PathPoint>& path = data.surfaces.front().path;
  const std::vector<PathPoint> one = path;
  path.clear();
  for (const std::uint64_t seed : {4u, 7u}) {
    for (PathPoint point : one) {
      point.run = name_with_seed(point.run, seed);
      if (seed == 7) point.x += 1;
      path.push_back(point);
    }
  }
  const auto paths = paths_by_run(data.surfaces.front());
  ASSERT_EQ(paths.size(), 4u);
  for (const auto& branch : paths) {
    if (is_main(branch.front().run)) continue;
    // Each branch leaves its own seed's main path.
    EXPECT_EQ(split_run_name(fork_point(paths, branch)->run).seed, split_run_name(branch.front().run).seed);
    EXPECT_EQ(run_style(data, branch.front().run).color, run_style(data, split_run_name(branch.front().run).run).color);
  }
  const std::string svg = surface_figures(data).front().svg;
  EXPECT_EQ(count(svg, ">main path<"), 1);
  EXPECT_GT(count(svg, "seed 4: start"), 0);
  EXPECT_GT(count(svg, "seed 7: start"), 0);
}

TEST(SurfaceFigure, OfAFurtherMapIsNamedAfterItsFile) {
  ReportData data = synthetic_report(1);
  data.surfaces.push_back(data.surfaces.front());
  data.surfaces[0].file = "pca.h5";
  data.surfaces[1].file = "pca.bf16.h5";
  std::vector<std::string> names;
  for (const Figure& figure : surface_figures(data)) names.push_back(figure.name);
  EXPECT_EQ(std::ranges::count(names, "surface-train-test.svg"), 1);
  EXPECT_EQ(std::ranges::count(names, "surface-pca.bf16-train-test.svg"), 1);
  EXPECT_TRUE(contains(surface_figures(data).back().svg, "pca.bf16.h5"));
  const std::string page = page_text(data);
  EXPECT_TRUE(contains(page, ">pca.bf16.h5: pca plane, "));
  EXPECT_TRUE(contains(page, ">pca.h5: pca plane, "));
}

TEST(SurfaceFigure, ConnectsNoPointsThatThePlaneWasLaidThrough) {
  ReportData data = synthetic_report(1);
  Surface& surface = data.surfaces.front();
  const auto paths = paths_by_run(surface);
  surface.path = {paths[0].front(), paths[0].back(), paths[1].back()};
  EXPECT_GT(count(surface_figures(data).front().svg, ": fork, "), 0u);  // as a path
  for (const PathPoint& point : surface.path)
    surface.provenance["points"].push_back({{"run", point.run}, {"step", point.step}});
  const std::string svg = surface_figures(data).front().svg;
  for (const char* word : {": fork, ", ": start, ", ": end, ", ">start or fork<", ">end<"})
    EXPECT_EQ(count(svg, word), 0u) << word;
  EXPECT_EQ(count(svg, fmt::format("main: step {}, ", surface.path[0].step)), 2u);  // of both losses
  EXPECT_EQ(count(svg, fmt::format("main: step {}, ", surface.path[1].step)), 2u);
  EXPECT_EQ(count(svg, ">main path<"), 1u);
}

TEST(SurfaceFigure, DrawsAnAverageFromItsOwnFirstPoint) {
  ReportData data = synthetic_report(2);
  const auto forks = count(surface_figures(data).front().svg, ": fork, ");
  add_synthetic_averages(&data);
  const auto paths = paths_by_run(data.surfaces.front());
  ASSERT_EQ(paths.size(), 6u);
  for (const auto& path : paths)
    EXPECT_EQ(fork_point(paths, path) != nullptr,
              path.front().run.starts_with("decay-at") && !is_average(path.front().run));
  const std::string svg = surface_figures(data).front().svg;
  EXPECT_EQ(count(svg, ": fork, "), forks);
  EXPECT_GT(count(svg, "main-average: start"), 0u);
  EXPECT_EQ(count(svg, ">average of the main path<"), 1u);
}

TEST(LineFigure, DrawsLossAndAccuracyAlongARowOrAColumn) {
  for (const bool row : {true, false}) {
    const ReportData data = line_report(row);
    const auto figures = surface_figures(data);
    ASSERT_EQ(figures.size(), 1u);
    EXPECT_EQ(figures[0].name, "line-train-test.svg");
    const std::string& svg = figures[0].svg;
    EXPECT_TRUE(is_well_formed(svg));
    for (const char* text : {"Loss (nats)", "Accuracy (%)", "main path: snapshots", "minimum of test loss"}) {
      EXPECT_TRUE(contains(svg, text)) << text;
    }
    EXPECT_TRUE(contains(svg, row ? "PC 1 (explains 71 %)" : "PC 2 (explains 14 %)"));
    EXPECT_EQ(count(svg, "<title>minimum"), 2u);
    EXPECT_FALSE(contains(svg, "nan"));
    EXPECT_TRUE(
        contains(svg, row ? "in a plane, at 0.5 on its axis &quot;PC 2" : "in a plane, at 0.5 on its axis &quot;PC 1"));
  }
}

TEST(LineFigure, MeasuresDistancesFromTheLine) {
  for (const bool row : {true, false}) {
    ReportData data = line_report(row);
    Surface& s = data.surfaces[0];
    PathPoint p = s.path.front();
    (row ? p.x : p.y) = 0.25;
    (row ? p.y : p.x) = 0.5 + 3;
    p.off_plane = 4;
    s.path = {p};
    EXPECT_TRUE(contains(surface_figures(data)[0].svg, "off-line distance 5<")) << row;
    s.provenance["kind"] = "random";
    EXPECT_TRUE(contains(surface_figures(data)[0].svg, "off-plane distance 4<")) << row;
  }
}

TEST(LineFigure, HasWhiskersWhereThereAreStandardErrors) {
  ReportData data = line_report(true);
  const std::size_t without = count(surface_figures(data)[0].svg, "<line");
  Surface& s = data.surfaces[0];
  s.values["test_loss_stderr"].assign(s.x.size(), 0.01);
  s.values["test_loss_stderr"][3] = 0;  // an exact point
  const std::string svg = surface_figures(data)[0].svg;
  EXPECT_EQ(count(svg, "stroke-opacity=\"0.6\""), s.x.size() - 1);
  EXPECT_GE(count(svg, "<line"), without + s.x.size() - 1);
  EXPECT_TRUE(contains(svg, "Whiskers: two standard errors"));
}

TEST(LineFigure, OfALineNamesItsEnds) {
  ReportData data = line_report(true);
  data.surfaces[0].provenance["kind"] = "line";
  data.surfaces[0].provenance["points"] = {{{"run", "a"}, {"step", 4}}, {{"run", "b"}, {"step", 96}}};
  EXPECT_TRUE(contains(surface_figures(data)[0].svg, "Distance from a@4 towards b@96"));
  EXPECT_FALSE(contains(surface_figures(data)[0].svg, "in a plane"));
  EXPECT_TRUE(contains(minima_sentence(data.surfaces[0]), "have their minima at the same grid point"));
  data.surfaces[0].values["test_loss"][0] = -1;
  EXPECT_TRUE(contains(minima_sentence(data.surfaces[0]), "in weight space"));
}

TEST(Minima, OfALineKnowItsEndsAlone) {
  Surface s;
  s.x = {0, 1, 2};
  s.y = {5};
  s.values["train_loss"] = {2, 1, 2};
  EXPECT_FALSE(find_minima(s).on_edge);
  s.values["train_loss"] = {1, 2, 2};
  EXPECT_TRUE(find_minima(s).on_edge);
}

TEST(Page, OffersEveryValueOfTheMap) {
  ReportData data = report_with_gap();
  Surface& s = data.surfaces[0];
  s.stacks["test_class_loss"].assign(2 * s.x.size() * s.y.size(), 1.0 / 3);
  const auto json = carried_surface(data);
  ASSERT_EQ(json.at("shown").size(), 5u);
  EXPECT_EQ(json.at("shown").at(2).at("shade"), "diverging");
  EXPECT_EQ(json.at("shown").at(4).at("panels").at(0).at("key"), "test_class_loss/1");
  EXPECT_EQ(json.at("values").at("test_class_loss/1").at(0), 0.33333);  // five digits
  EXPECT_EQ(json.at("left_out"), 0);
  EXPECT_TRUE(json.at("cell").is_null());
  EXPECT_EQ(json.at("line"), false);
}

TEST(Page, StaysSmallWhateverTheNumberOfClasses) {
  ReportData data = synthetic_report(1);
  Surface& s = data.surfaces[0];
  s.stacks["test_class_loss"].assign(1000 * s.x.size() * s.y.size(), 1.0 / 3);
  EXPECT_LT(page_data(data).size(), 4'000'000u);
  EXPECT_GT(carried_surface(data).at("left_out"), 0);
}

TEST(Page, TellsPointsThatAreNotExact) {
  ReportData data = synthetic_report(1);
  Surface& s = data.surfaces[0];
  s.values["cell"].assign(s.x.size() * s.y.size(), 0);
  EXPECT_TRUE(carried_surface(data).at("cell").is_null());
  s.values["cell"][2] = 3;
  s.values["train_loss"][2] = NAN;
  s.provenance["landscape"]["unfinished"] = true;
  EXPECT_EQ(carried_surface(data).at("cell").at(2), 3);
  const std::string page = page_text(data);
  EXPECT_TRUE(contains(page, "<p class=\"origin warning\""));
  EXPECT_FALSE(contains(page, "have a value that is not finite"));  // the value is missing, which is reported elsewhere
}

}  // namespace
}  // namespace thalweg
