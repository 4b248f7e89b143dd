#include "report/valley.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "report/end_lines.h"
#include "report/map_notes.h"
#include "report/map_paths.h"
#include "report/run_style.h"
#include "synthetic_report.h"
#include "synthetic_results.h"
#include "text_checks.h"

namespace thalweg {
namespace {

TEST(Valley, ValuesOnAMapAreBilinear) {
  Surface surface;
  surface.x = {0, 1, 3};
  surface.y = {-1, 1};
  for (const double y : surface.y) {
    for (const double x : surface.x) surface.values["train_loss"].push_back(2 + x - 3 * y + 0.5 * x * y);
  }
  for (const auto& [x, y] : {std::pair(0.0, -1.0), {3.0, 1.0}, {0.3, 0.2}, {2.2, -0.7}})
    EXPECT_NEAR(value_at(surface, "train_loss", x, y), 2 + x - 3 * y + 0.5 * x * y, 1e-12);
  EXPECT_TRUE(std::isnan(value_at(surface, "train_loss", 3.1, 0)));
}

TEST(Valley, AValleyIsFoundAndARidgeIsSeen) {
  ReportData data = synthetic_report(5);
  const std::optional<Valley> valley = measure_valley(data);
  ASSERT_TRUE(valley);
  EXPECT_GT(valley->alignment, 0.9);
  EXPECT_LT(valley->barrier, 0.1);
  EXPECT_LT(valley->last_distance, 0.5 * valley->first_distance);
  // Add waves along the valley, which form barriers between the ends.
  Surface& surface = data.surfaces.front();
  for (std::size_t k = 0; k < surface.values["train_loss"].size(); ++k)
    surface.values["train_loss"][k] += std::pow(std::sin(6 * surface.x[k % surface.x.size()]), 2);
  EXPECT_GT(measure_valley(data)->barrier, 0.5);
  EXPECT_FALSE(measure_valley(synthetic_report(2)));
}

// Adds `height` to the train loss where |x - at| < 0.2: a wall across the valley between the ends of two branches.
void add_wall(Surface* surface, double at, double height) {
  for (std::size_t k = 0; k < surface->values["train_loss"].size(); ++k) {
    if (std::abs(surface->x[k % surface->x.size()] - at) < 0.2) surface->values["train_loss"][k] += height;
  }
}

TEST(Valley, ALossBetweenTheEndsThatIsNotFiniteIsABarrier) {
  ReportData data = synthetic_report(5);
  const auto paths = paths_by_run(data.surfaces.front());
  const double between = (paths[1].back().x + paths[2].back().x) / 2;
  for (const double height : {double{NAN}, double{INFINITY}}) {
    ReportData walled = data;
    add_wall(&walled.surfaces.front(), between, height);
    EXPECT_EQ(measure_valley(walled).value().barrier, INFINITY);
    const Claim claim = claim_named(claims_of({"", {}, {}, {walled, walled}}), "valley");
    EXPECT_EQ(claim.verdict, Verdict::kContradicted);
    expect_told(claim, "in 2 of 2 seeds it is not finite there");
  }
}

TEST(Valley, BranchesThatDoNotDescendEndOnNoFloor) {
  ReportData data = synthetic_report(5);
  for (double& loss : data.surfaces.front().values["train_loss"]) loss = -loss;
  EXPECT_EQ(measure_valley(data).value().barrier, INFINITY);
}

TEST(Valley, AMapOnWhichNoDescentIsSeenIsNoEvidence) {
  const ReportData seen = synthetic_report(5);
  ReportData unseen = seen, walled = seen;
  for (double& loss : unseen.surfaces.front().values["train_loss"]) loss = -loss;
  EXPECT_TRUE(measure_valley(seen)->descends);
  EXPECT_FALSE(measure_valley(unseen)->descends);
  const auto judged = [](const std::vector<ReportData>& seeds) {
    return claim_named(claims_of({"", {}, {}, seeds}), "valley");
  };
  for (const std::vector<ReportData>& seeds : {std::vector{unseen, unseen}, {seen, unseen}, {seen, unseen, seen}}) {
    const Claim claim = judged(seeds);
    EXPECT_EQ(claim.verdict, Verdict::kUndecided);
    expect_told(claim, "no descent is seen in ");
    EXPECT_FALSE(contains(claim.measured, "not finite")) << claim.measured;
  }
  const Claim claim = judged({seen, unseen, seen});
  expect_told(claim, "no descent is seen in 1 of 3 seeds; 2 of 3 seeds");
  EXPECT_EQ(claim.estimate.count, 2);
  // Evidence against the claim from other seeds still counts.
  const auto paths = paths_by_run(walled.surfaces.front());
  add_wall(&walled.surfaces.front(), (paths[1].back().x + paths[2].back().x) / 2, INFINITY);
  EXPECT_EQ(judged({walled, walled, unseen}).verdict, Verdict::kContradicted);
  EXPECT_EQ(judged({walled, unseen}).verdict, Verdict::kUndecided);
}

TEST(Valley, ASeedWithoutAFinishedMapLeavesTheClaimsUndecided) {
  const ReportData seen = synthetic_report(5);
  ReportData without = seen;
  without.surfaces.clear();
  for (const char* id : {"valley", "near-minimum"}) {
    EXPECT_EQ(claim_named(claims_of({"", {}, {}, {seen, seen}}), id).verdict, Verdict::kSupported);
    const Claim claim = claim_named(claims_of({"", {}, {}, {seen, seen, without}}), id);
    EXPECT_EQ(claim.verdict, Verdict::kUndecided);
    expect_told(claim, "; not measured in 1 of 3 seeds: no finished map of both losses");
  }
}

TEST(Valley, TheFloorIsThatOfTheStraightLinesInWeightSpaceWhereTheyAreThere) {
  ReportData data = synthetic_report(5);
  const auto paths = paths_by_run(data.surfaces.front());
  add_wall(&data.surfaces.front(), (paths[1].back().x + paths[2].back().x) / 2, 9);  // a wall that only the plane shows
  const double on_plane = measure_valley(data)->barrier;
  EXPECT_GT(on_plane, 1);
  add_synthetic_lines(&data);
  ASSERT_TRUE(measure_valley(data)->in_weight_space);
  EXPECT_EQ(measure_valley(data)->barrier, 0);
  expect_told(claim_named(claims_of({"", {}, {}, {data, data}}), "valley"),
              "on straight lines between neighbouring ends in weight space the train loss rises by 0.0 [0.0, 0.0] %");
  ReportData ridge = data;
  ridge.lines[4].values["train_loss"][2] += 0.125;  // from the second branch to the third
  EXPECT_DOUBLE_EQ(measure_valley(ridge)->barrier, 0.125);
  ridge.lines[4].values["train_loss"][2] = NAN;
  EXPECT_EQ(measure_valley(ridge)->barrier, INFINITY);
  ReportData rising = data;
  for (Surface& line : rising.lines) std::reverse(line.values["train_loss"].begin(), line.values["train_loss"].end());
  EXPECT_FALSE(measure_valley(rising)->descends);
  ReportData tested = data;
  tested.lines.back().values.erase("train_loss");
  EXPECT_FALSE(measure_valley(tested)->in_weight_space);
  EXPECT_FALSE(contains(end_lines_section(tested), "Train loss"));
  // Sampled losses have standard errors, which are given as parts of the descent (here 1).
  EXPECT_EQ(measure_valley(data)->standard_error, 0);
  ReportData sampled = data;
  for (Surface& line : sampled.lines) {
    line.values["cell"] = std::vector<double>(line.x.size(), static_cast<double>(Cell::kEstimated));
    line.values["train_loss_stderr"] = std::vector<double>(line.x.size(), 0.03);
  }
  sampled.lines[4].values["train_loss_stderr"][1] = 0.05;
  EXPECT_DOUBLE_EQ(measure_valley(sampled)->standard_error, 0.05);
  expect_told(claim_named(claims_of({"", {}, {}, {data, sampled}}), "valley"), "standard errors of up to 5.0 %");
  EXPECT_TRUE(contains(end_lines_section(sampled), "the standard error of the train loss is at most 0.05 nats"));
  EXPECT_FALSE(contains(end_lines_section(data), "standard error"));
  ReportData unfinished = data;
  unfinished.lines.pop_back();
  EXPECT_FALSE(measure_valley(unfinished)->in_weight_space);
  EXPECT_EQ(measure_valley(unfinished)->barrier, on_plane);
  expect_told(claim_named(claims_of({"", {}, {}, {data, unfinished}}), "valley"),
              "in weight space (in 1 of 2 seeds: on the plane)");
}

TEST(Valley, ALineGoesPastABranchThatDiverged) {
  ReportData data = synthetic_report(5);
  add_synthetic_lines(&data);
  ASSERT_EQ(end_lines(data).value().branches.size(), 5u);
  data.runs[2].diverged = true;
  EXPECT_FALSE(end_lines(data));
  Surface past = data.lines[2];
  past.provenance["points"][0]["run"] = data.runs[1].name;
  past.provenance["points"][1]["run"] = data.runs[3].name;
  data.lines.push_back(past);
  EXPECT_EQ(end_lines(data).value().branches.size(), 4u);
  data.runs.resize(2);
  EXPECT_FALSE(end_lines(data));
}

TEST(Valley, BranchesThatForkTogetherStandAtTheirDistanceInTheFigureOfLines) {
  ReportData data = synthetic_report(5);
  add_synthetic_lines(&data);
  const char *epochs = "Epoch at which the rate decays", *distances = "Distance along the lines in weight space";
  const std::string apart = end_lines_figure(data, end_lines(data).value());
  EXPECT_TRUE(contains(apart, epochs));
  EXPECT_FALSE(contains(apart, distances));
  data.runs[2].fork_epoch = data.runs[1].fork_epoch;
  const std::string together = end_lines_figure(data, end_lines(data).value());
  EXPECT_TRUE(contains(together, distances));
  EXPECT_FALSE(contains(together, epochs));
  EXPECT_TRUE(is_well_formed(together));
}

TEST(Valley, AMapThatIsNotFinishedOrTooSmallHasNoValley) {
  ReportData data = synthetic_report(5);
  Surface& surface = data.surfaces.front();
  surface.values["cell"].assign(surface.values["train_loss"].size(), static_cast<double>(Cell::kExact));
  EXPECT_TRUE(measure_valley(data));
  surface.values["cell"].back() = static_cast<double>(Cell::kMissing);
  EXPECT_FALSE(measure_valley(data));
  surface.values.erase("cell");
  ReportData interpolated = data;
  interpolated.surfaces.front().provenance["landscape"]["unfinished"] = true;
  EXPECT_TRUE(measure_valley(data));
  EXPECT_FALSE(measure_valley(interpolated));
  for (PathPoint& point : surface.path) point.x += point.run == "decay-at-24" ? 9 : 0;
  EXPECT_FALSE(measure_valley(data));
}

TEST(Valley, ATestMinimumOnTheBorderLeavesItUndecidedWhetherTrainingComesNear) {
  ReportData data = synthetic_report(5);
  EXPECT_FALSE(measure_valley(data).value().test_on_edge);
  data.surfaces.front().values["test_loss"].back() = 0;
  const Claim near = claim_named(claims_of({"", {}, {}, {data, data}}), "near-minimum");
  EXPECT_EQ(near.verdict, Verdict::kUndecided);
  expect_told(near, "in 2 of 2 seeds the smallest test loss is on the map's border");
  // A minimum of the train loss on the border does not matter.
  data = synthetic_report(5);
  data.surfaces.front().values["train_loss"].back() = 0;
  EXPECT_EQ(claim_named(claims_of({"", {}, {}, {data, data}}), "near-minimum").verdict, Verdict::kSupported);
}

TEST(Valley, TheGeometryCarriesIntervalsOverSeeds) {
  ReportData one = synthetic_report(5), two = one;
  for (PathPoint& point : two.surfaces.front().path)
    if (is_main(point.run)) point.x *= 0.99;
  const std::vector<Claim> claims = claims_of({"", {}, {}, {one, two, ReportData{}}});
  const Claim near = claim_named(claims, "near-minimum");
  EXPECT_EQ(near.estimate.count, 2);
  EXPECT_LT(near.estimate.low, near.estimate.mean);
  expect_told(near, fmt::format("{:.2f} [", near.estimate.mean));
  expect_told(near, "; 2 of 3 seeds");
  EXPECT_NE(claim_named(claims, "valley").measured.find("|cos| 1.00 ["), std::string::npos);
}

}  // namespace
}  // namespace thalweg
