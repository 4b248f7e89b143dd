// Tests the tables and figures of a study, an experiment with several seeds.
#include "report/study_tables.h"

#include <cmath>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "report/decay_comparison.h"
#include "report/figure.h"
#include "report/study.h"
#include "synthetic_report.h"
#include "synthetic_results.h"

namespace thalweg {
namespace {

TEST(Claims, TablesEscapeWhatWouldEndACell) {
  Results results = results_of(kLaterIsBetter);
  for (ReportData& seed : results.seeds) seed.surfaces = synthetic_report(5).surfaces;
  const std::string text = study_markdown({results});
  EXPECT_NE(text.find("\\|cos\\|"), std::string::npos);
  EXPECT_NE(text.find("| decay-at-4 | 4 | 10 | 52.67 ± 0.58 [51.23, 54.10] |"), std::string::npos) << text;
}

TEST(StudyTables, HoldMeanDeviationAndIntervalOverSeeds) {
  const TextTable table = sweep_table(results_of(kLaterIsBetter));
  EXPECT_NE(table.caption.find("3 seeds; mean ± standard deviation [95 % confidence interval"), std::string::npos);
  // Accuracies of 52, 53 and 53 %: Student's t of 4.3027 for 2 degrees of freedom, times 0.5774 / sqrt 3, is 1.434.
  EXPECT_EQ(table.rows.at(1).at(0), "decay-at-4");
  EXPECT_EQ(table.rows.at(1).at(3), "52.67 ± 0.58 [51.23, 54.10]");
}

TEST(StudyTables, SayAtWhichEpochsARunEnded) {
  Results results = results_of(kLaterIsBetter);
  EXPECT_EQ(sweep_table(results).rows.at(2).at(2), "10");
  results.seeds[1].runs[3].epochs.pop_back();  // an early stop
  EXPECT_EQ(sweep_table(results).rows.at(2).at(2), "9 to 10");
  const nlohmann::json run = study_json({results})["experiments"][0]["runs"]["decay-at-6"];
  EXPECT_EQ(run["end_epoch"], 9);
  EXPECT_EQ(run["last_end_epoch"], 10);
}

TEST(StudyTables, HolmsMethodCountsARunThatDiffersInNoSeed) {
  const Results results = results_of({{0.50, 0.50, 0.55}, {0.51, 0.51, 0.55}, {0.50, 0.50, 0.56}});
  const std::vector<Comparison> two = compare_decay_times(results);
  EXPECT_EQ(two.at(0).accuracy_p, 1);
  EXPECT_DOUBLE_EQ(two.at(1).accuracy_p, 2 * two.at(1).accuracy.p);
}

TEST(StudyTables, LeaveACellEmptyWhereNoSeedHasAValue) {
  Results results = results_of(kLaterIsBetter);
  for (ReportData& seed : results.seeds) {
    for (EpochMetrics& metrics : seed.runs[2].epochs) metrics.test_loss = NAN;
  }
  const std::vector<std::string> row = comparison_table(results).rows.at(0);
  EXPECT_TRUE(row.at(2).starts_with("+"));
  EXPECT_EQ(row.at(4), "–");
}

TEST(StudyTables, HaveDistancesWhereTheMapHas) {
  Results results = results_of(kLaterIsBetter);
  for (ReportData& seed : results.seeds) {
    seed.surfaces = synthetic_report(5).surfaces;
    for (PathPoint& point : seed.surfaces[0].path) point.run = "decay-at-4";
  }
  const auto distances = [&] { return sweep_of(results).at(1).values.at("distance"); };
  EXPECT_TRUE(std::isfinite(distances().at(0)));
  for (ReportData& seed : results.seeds) seed.surfaces[0].provenance["kind"] = "random";
  EXPECT_TRUE(std::isnan(distances().at(0)));
}

TEST(StudyTables, SayWhereFewerSeedsThanThereAreHaveAValue) {
  Results results = results_of(kLaterIsBetter);
  const auto told = [&] { return std::pair(sweep_table(results).rows.at(2).at(3), comparison_table(results).rows); };
  EXPECT_FALSE(contains(told().first + told().second.at(1).at(2), "seed"));
  EXPECT_FALSE(contains(sweep_figures(results).at(0).svg, "of fewer than"));
  results.seeds[0].runs.pop_back();
  EXPECT_EQ(told().first, "55.50 ± 0.71 [49.15, 61.85] (2 seeds)");
  EXPECT_FALSE(contains(told().second.at(0).at(2), "seed"));
  for (const std::size_t column : {2u, 4u}) EXPECT_TRUE(contains(told().second.at(1).at(column), "] (2 seeds)"));
  EXPECT_TRUE(
      contains(to_html(sweep_table(results)), "<td class=\"number\">55.50 ± 0.71 [49.15, 61.85] (2 seeds)</td>"));
  EXPECT_TRUE(contains(sweep_figures(results).at(0).svg, ">of fewer than 3 seeds<"));
  results.seeds[1].runs.pop_back();
  EXPECT_EQ(told().first, "56.00 (1 seed)");
  EXPECT_TRUE(contains(told().second.at(1).at(2), "+6.00 (1 seed)"));
}

TEST(SweepFigures, ArePanelsInRowsOfTwo) {
  const std::string svg = sweep_figures(results_of(kLaterIsBetter)).at(0).svg;
  EXPECT_EQ(count(svg, ">Epoch at which the rate decays<"), 4u);  // accuracy, test loss, train loss and gap
  EXPECT_TRUE(contains(svg, " width=\"994\" "));
}

TEST(StudyTables, OfOneSeedHoldValuesAlone) {
  const Results one = results_of({kLaterIsBetter.front()});
  EXPECT_EQ(sweep_table(one).caption, "What runs ended with (one seed)");
  EXPECT_EQ(sweep_table(one).rows.at(1).at(3), "52.00");
  EXPECT_EQ(comparison_table(one).caption.find("%"), std::string::npos);
  EXPECT_EQ(comparison_table(one).rows.at(0).at(2), "+2.00");
}

}  // namespace
}  // namespace thalweg
