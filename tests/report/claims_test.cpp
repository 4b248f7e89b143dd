#include "report/claims.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "report/decay_comparison.h"
#include "report/study.h"
#include "report/study_tables.h"
#include "report/valley.h"
#include "synthetic_report.h"
#include "synthetic_results.h"

namespace thalweg {
namespace {

TEST(Claims, ATrendOverSeedsIsTestedByItsSlopes) {
  const std::vector<Claim> claims = claims_of(results_of(kLaterIsBetter));
  // Slopes of 1.25, 1.0 and 1.5 points per epoch: mean 1.25, standard error 0.25 / sqrt 3, t = 8.66 with 2 degrees of
  // freedom, p = 0.0131.
  const Claim accuracy = claim_named(claims, "later-accuracy");
  EXPECT_EQ(accuracy.verdict, Verdict::kSupported);
  expect_told(accuracy, "1.250 [0.629, 1.871] points an epoch of delay (p = 0.013)");
  EXPECT_EQ(claim_named(claims, "later-loss").verdict, Verdict::kSupported);
}

TEST(Claims, TheGapIsTestedByItsSlopesWhereBranchesEndTogether) {
  // Gaps are 0.40, 0.38 and 0.35 in the first seed. The train loss is 0.1 everywhere, so slopes are those of the test
  // loss.
  Results results = results_of(kLaterIsBetter);
  const Claim gap = claim_named(claims_of(results), "later-gap");
  EXPECT_EQ(gap.verdict, Verdict::kSupported);
  expect_told(gap,
              "-0.01250 [-0.01871, -0.00629] nats an epoch of delay (p = 0.013); decay at 6 against 2: "
              "-0.0500 [");
  // If the train loss falls faster than the test loss, the gap grows.
  for (ReportData& seed : results.seeds)
    for (std::size_t i = 1; i < 4; ++i) seed.runs[i].final_metrics["train_loss"] = 0.5 - 0.1 * static_cast<double>(i);
  EXPECT_EQ(claim_named(claims_of(results), "later-gap").verdict, Verdict::kContradicted);
  const Claim apart = claim_named(claims_of(results_of(kLaterIsBetter, {10, 10, 14})), "later-gap");
  EXPECT_EQ(apart.verdict, Verdict::kNotTested);
  expect_told(apart, "in no seed are the values of all branches at epoch 10 known and finite");
}

TEST(Claims, WhatGoesTheOtherWayIsNotSupported) {
  const std::vector<Claim> claims = claims_of(results_of({{0.55, 0.52, 0.50}, {0.55, 0.53, 0.51}, {0.56, 0.53, 0.50}}));
  EXPECT_EQ(claim_named(claims, "later-accuracy").verdict, Verdict::kContradicted);
  EXPECT_EQ(claim_named(claims, "later-loss").verdict, Verdict::kContradicted);
  EXPECT_EQ(claim_named(claims, "gain").verdict, Verdict::kContradicted);
}

TEST(Claims, NoiseAndOneSeedDecideNothing) {
  const std::vector<Claim> noisy = claims_of(results_of({{0.50, 0.52, 0.55}, {0.55, 0.53, 0.51}, {0.50, 0.53, 0.51}}));
  EXPECT_EQ(claim_named(noisy, "later-accuracy").verdict, Verdict::kUndecided);
  const std::vector<Claim> one = claims_of(results_of({kLaterIsBetter.front()}));
  EXPECT_EQ(claim_named(one, "later-accuracy").verdict, Verdict::kUndecided);
  EXPECT_EQ(claim_named(one, "gain").verdict, Verdict::kUndecided);
}

TEST(Claims, SeedsWithoutAnyDifferenceAreNotTakenForOne) {
  Results results = results_of(std::vector(3, std::vector(3, 0.6)));
  const Claim same = claim_named(claims_of(results), "later-accuracy");
  EXPECT_EQ(same.verdict, Verdict::kUndecided);
  expect_told(same, "0.000 [0.000, 0.000] points an epoch of delay (no difference in any seed)");
  results.seeds.resize(1);
  expect_told(claim_named(claims_of(results), "later-accuracy"), "0.000 points an epoch of delay (one seed)");
}

TEST(Claims, AMapOfOneSeedDecidesNothing) {
  const ReportData seed = synthetic_report(5);
  const auto verdict = [&](std::size_t count, const std::string& id) {
    return claim_named(claims_of({"valley", {}, {}, std::vector<ReportData>(count, seed)}), id).verdict;
  };
  for (const char* id : {"valley", "near-minimum"}) {
    EXPECT_EQ(verdict(2, id), Verdict::kSupported) << id;
    EXPECT_EQ(verdict(1, id), Verdict::kUndecided) << id;
  }
}

TEST(Claims, TheGainIsOfTheError) {
  // The errors are 0.5 and 0.4 in each seed: 20 % less.
  const Claim gain = claim_named(claims_of(results_of({{0.5, 0.5, 0.6}, {0.5, 0.5, 0.6}})), "gain");
  EXPECT_EQ(gain.verdict, Verdict::kSupported);
  expect_told(gain, "20.0 [20.0, 20.0] % of the test error, 20.0 [20.0, 20.0] % of the accuracy");
  EXPECT_EQ(claim_named(claims_of(results_of({{0.5, 0.5, 0.55}, {0.5, 0.5, 0.55}})), "gain").verdict, Verdict::kWeaker);
}

TEST(Claims, AnIntervalAroundTheClaimedNumberLeavesTheSizeUndecided) {
  // 15 % of an error of 0.5 is 0.075. The first two intervals contain it, although one mean is above and one below.
  const auto verdict = [](double first, double second, double third) {
    return claim_named(claims_of(results_of({{0.5, 0.5, first}, {0.5, 0.5, second}, {0.5, 0.5, third}})), "gain")
        .verdict;
  };
  EXPECT_EQ(verdict(0.57, 0.58, 0.585), Verdict::kSizeUndecided);
  EXPECT_EQ(verdict(0.565, 0.57, 0.58), Verdict::kSizeUndecided);
  EXPECT_EQ(verdict(0.59, 0.6, 0.605), Verdict::kSupported);
  EXPECT_EQ(verdict(0.55, 0.555, 0.56), Verdict::kWeaker);
  EXPECT_EQ(verdict(0.45, 0.6, 0.6), Verdict::kUndecided);
}

TEST(Claims, TheGainIsOfTheBranchThatIsBestAfterEquallyManyEpochs) {
  // The branch at 6 ends higher, but at epoch 14; after 10 epochs it is at 0.5, and the branch at 4 is at 0.55.
  const Claim gain = claim_named(claims_of(results_of({{0.5, 0.55, 0.6}, {0.5, 0.55, 0.6}}, {kEnd, kEnd, 14})), "gain");
  expect_told(gain, "decay at 4 (the best of 2) against 2: 10.0 [10.0, 10.0] % of the test error");
}

TEST(Claims, EpochsToTheBaselinesAccuracyCountFromTheStart) {
  // The branch at 4 rises by 0.1 per epoch and reaches 0.5 after one of its own: epoch 5 of 10. Either may have reached
  // it one evaluation earlier: 9 / 5 to 10 / 4 times as fast.
  const Claim faster = claim_named(claims_of(results_of({{0.5, 1.0, 0.4}, {0.5, 1.0, 0.4}})), "faster");
  EXPECT_EQ(faster.verdict, Verdict::kSizeUndecided);
  expect_told(faster, "decay at 4 (the fastest of 2) is there 2.00 [1.80, 2.50] times as fast");
  // Epoch 7 of 20: 19 / 7 to 20 / 6.
  const std::vector<double> ends(3, 20);
  const Claim twice = claim_named(claims_of(results_of({{0.5, 1.0, 0.4}, {0.5, 1.0, 0.4}}, ends)), "faster");
  EXPECT_EQ(twice.verdict, Verdict::kSupported);
  expect_told(twice, "2.86 [2.71, 3.33] times as fast");
  EXPECT_EQ(claim_named(claims_of(results_of({{0.5, 0.45, 0.4}, {0.5, 0.45, 0.4}})), "faster").verdict,
            Verdict::kContradicted);
}

// Epochs 11, 21, 41 against 5, 10, 20: one evaluation earlier, all seeds would agree on a factor of 2, without spread.
TEST(Claims, AnIntervalThatAllowsForTheEvaluationsIsNoNarrower) {
  const std::vector<double> ends(3, 45);
  Results results = results_of(std::vector(3, std::vector{0.5, 0.5, 0.4}), ends);
  const double baseline[] = {11, 21, 41}, late[] = {5, 10, 20};
  for (std::size_t s = 0; s < 3; ++s) {
    for (EpochMetrics& m : results.seeds[s].runs[1].epochs) m.test_accuracy = m.epoch < baseline[s] ? 0.3 : 0.5;
    for (EpochMetrics& m : results.seeds[s].runs[2].epochs) m.test_accuracy = m.epoch < late[s] ? 0.3 : 0.5;
  }
  const Claim faster = claim_named(claims_of(results), "faster");
  const MeanTest plain = test_mean({11 / 5.0, 21 / 10.0, 41 / 20.0});
  EXPECT_DOUBLE_EQ(faster.estimate.mean, plain.mean);
  EXPECT_DOUBLE_EQ(faster.estimate.low, plain.low);  // 1.93
  EXPECT_EQ(faster.verdict, Verdict::kSizeUndecided);
}

// Schedules are completed with the length of the branch, which depends on its fork.
TEST(Claims, ALengthOfItsOwnMakesNoOtherSchedule) {
  Results results = results_of(kLaterIsBetter);
  for (const double fork : {2.0, 4.0, 6.0})
    results.config["branches"].push_back({{"name", fmt::format("decay-at-{:g}", fork)},
                                          {"epochs", kEnd - fork},
                                          {"schedule", {{"kind", "cosine"}, {"lr", 0.01}, {"epochs", kEnd - fork}}}});
  const std::string plain = claim_named(claims_of(results_of(kLaterIsBetter)), "later-accuracy").measured;
  EXPECT_EQ(claim_named(claims_of(results), "later-accuracy").measured, plain);
}

TEST(Claims, ABaselineOnAPlateauIsChargedUntilItCameThere) {
  // The baseline is at 0.5 from epoch 3 on; the branch at 4 merely reaches the same, at epoch 5.
  Results results = results_of({{0.5, 1.0, 0.4}, {0.5, 1.0, 0.4}});
  for (ReportData& seed : results.seeds) {
    for (EpochMetrics& m : seed.runs[1].epochs) m.test_accuracy = m.epoch < 3 ? 0.4 : 0.5;
  }
  const Claim faster = claim_named(claims_of(results), "faster");
  EXPECT_EQ(faster.verdict, Verdict::kContradicted);
  expect_told(faster,
              "is there 0.60 [0.40, 0.75] times as fast as decay at 2, which is there after 3 "
              "epochs; epochs are known to an evaluation interval, 1");
}

TEST(Claims, ASeedThatNeverGetsThereIsNoTimesAsFast) {
  const Claim faster =
      claim_named(claims_of(results_of({{0.5, 1.0, 0.4}, {0.5, 1.0, 0.4}, {0.5, 0.45, 0.4}})), "faster");
  EXPECT_EQ(faster.verdict, Verdict::kUndecided);
  expect_told(faster, "; never in 1 of 3 seeds, 0 times");
  EXPECT_EQ(claim_named(claims_of(results_of({{0.5, 0.4, 0.4}, {0.5, 0.4, 0.4}})), "faster").measured,
            "no later decay reaches it");
}

TEST(Claims, DecayTimesAreComparedAfterEquallyManyEpochs) {
  // The branch at 6 trains to epoch 14 and ends higher; after 10 epochs it is at 0.5, no better than the first branch.
  const Results results = results_of({{0.5, 0.5, 0.6}, {0.5, 0.5, 0.6}}, {10, 10, 14});
  const std::vector<Comparison> comparisons = compare_decay_times(results);
  ASSERT_EQ(comparisons.size(), 2U);
  EXPECT_EQ(comparisons[1].epoch, 10);
  EXPECT_NEAR(comparisons[1].accuracy.mean, 0, 1e-12);
  // A branch that decays only after the first one has ended cannot be compared with it.
  EXPECT_EQ(compare_decay_times(results_of(kLaterIsBetter, {5, 10, 10})).size(), 1U);
  EXPECT_EQ(claim_named(claims_of(results_of(kLaterIsBetter, {5, 10, 10})), "later-accuracy").verdict,
            Verdict::kNotTested);
}

// Adds branches at 2 and at 4 that decay to another rate, and another one at 4 with the usual schedule.
Results of_two_schedules() {
  Results results = results_of(kLaterIsBetter);
  for (ReportData& seed : results.seeds) {
    for (const auto& [name, fork] : {std::pair{"early-to-half", 2.0}, {"to-half", 4.0}, {"once-more", 4.0}})
      seed.runs.push_back(run_of(name, fork, kEnd, 0.9));
  }
  for (const char* name : {"decay-at-2", "decay-at-4", "decay-at-6", "once-more"})
    results.config["branches"].push_back({{"name", name}, {"schedule", {{"kind", "constant"}, {"lr", 0.01}}}});
  for (const char* name : {"early-to-half", "to-half"})
    results.config["branches"].push_back({{"name", name}, {"schedule", {{"kind", "constant"}, {"lr", 0.05}}}});
  return results;
}

TEST(Claims, BranchesOfAnotherScheduleOrTheSameForkAreNotCompared) {
  const Results results = of_two_schedules();
  const std::vector<Claim> claims = claims_of(results), expected = claims_of(results_of(kLaterIsBetter));
  for (const char* id : {"later-accuracy", "later-loss", "later-gap", "faster", "gain"}) {
    const Claim claim = claim_named(claims, id);
    EXPECT_EQ(claim.measured, claim_named(expected, id).measured +
                                  "; left out, with another schedule or forking where another does: early-to-half, "
                                  "once-more, to-half");
    EXPECT_EQ(claim.verdict, claim_named(expected, id).verdict);
  }
  std::vector<std::string> compared;
  for (const Comparison& c : compare_decay_times(results)) compared.push_back(c.run);
  EXPECT_EQ(compared, (std::vector<std::string>{"decay-at-4", "decay-at-6"}));
  EXPECT_EQ(sweep_table(results).rows.size(), 7u);  // the table shows the final values of all
}

TEST(Claims, BranchesOfSchedulesOfTheirOwnAreComparedWithAWord) {
  Results results = results_of(kLaterIsBetter);
  for (const double lr : {0.01, 0.02, 0.03})
    results.config["branches"].push_back(
        {{"name", fmt::format("decay-at-{:g}", 200 * lr)}, {"schedule", {{"kind", "constant"}, {"lr", lr}}}});
  const Claim told = claim_named(claims_of(results), "later-accuracy");
  EXPECT_EQ(told.measured, claim_named(claims_of(results_of(kLaterIsBetter)), "later-accuracy").measured +
                               "; the branches' schedules differ, not their decay times alone");
}

TEST(Claims, ThereIsNoGainOverABaselineWithoutError) {
  const Claim gain = claim_named(claims_of(results_of({{1, 1, 1}, {0.9, 0.95, 1}})), "gain");
  EXPECT_EQ(gain.verdict, Verdict::kNotTested);
  expect_told(gain, "decay at 2, the baseline, makes no error on the test images in 1 of 2 seeds");
}

TEST(Claims, SchedulesThatLastToTheEndOfTheirBranchesAreAlike) {
  const auto told = [](const std::function<nlohmann::json(double)>& schedule) {
    Results results = results_of(kLaterIsBetter);
    for (const double fork : {2, 4, 6})
      results.config["branches"].push_back(
          {{"name", fmt::format("decay-at-{:g}", fork)}, {"epochs", kEnd - fork}, {"schedule", schedule(kEnd - fork)}});
    return claim_named(claims_of(results), "later-accuracy").measured;
  };
  const char* differ = "the branches' schedules differ";
  const nlohmann::json warmup = {{"epochs", 1.0}, {"start_factor", 0.1}};
  EXPECT_FALSE(contains(told([&](double epochs) -> nlohmann::json {
                          return {{"kind", "cosine"}, {"lr", 0.1}, {"epochs", epochs - 1}, {"warmup", warmup}};
                        }),
                        differ));
  EXPECT_FALSE(contains(told([](double epochs) -> nlohmann::json {
                          return {{"kind", "wsd"}, {"lr", 0.1}, {"decay_at", 1.0}, {"decay_epochs", epochs - 1}};
                        }),
                        differ));
  EXPECT_TRUE(contains(told([](double epochs) -> nlohmann::json {
                         return {{"kind", "cosine"}, {"lr", 0.1}, {"epochs", epochs - 1}};
                       }),
                       differ));
}

TEST(Claims, PairedDifferencesCarryHolmsCorrection) {
  const std::vector<Comparison> comparisons = compare_decay_times(results_of(kLaterIsBetter));
  ASSERT_EQ(comparisons.size(), 2U);
  EXPECT_NEAR(comparisons[1].accuracy.mean, 5, 1e-9);  // the mean of 5, 4 and 6 points
  EXPECT_NEAR(comparisons[1].accuracy.t, 5 / (1 / std::sqrt(3.0)), 1e-9);
  const double least = std::min(comparisons[0].accuracy.p, comparisons[1].accuracy.p);
  EXPECT_NEAR(std::min(comparisons[0].accuracy_p, comparisons[1].accuracy_p), 2 * least, 1e-12);
}

TEST(Claims, ASeedThatIsNotDoneCountsWhereItHasValues) {
  Results results = results_of(kLaterIsBetter);
  results.seeds[2].runs.pop_back();  // its last branch has not started
  const std::vector<Comparison> comparisons = compare_decay_times(results);
  EXPECT_EQ(comparisons[0].accuracy.count, 3);
  EXPECT_EQ(comparisons[1].accuracy.count, 2);
  EXPECT_NO_THROW(study_markdown({results}));
}

TEST(Claims, ABranchThatTheFirstSeedLacksCountsByTheOthers) {
  Results results = results_of(kLaterIsBetter);
  std::vector<RunSeries>& first = results.seeds[0].runs;
  first.pop_back();
  ASSERT_EQ(sweep_of(results).size(), 4u);
  EXPECT_EQ(sweep_of(results)[2].name, "decay-at-6");
  EXPECT_EQ(compare_decay_times(results).at(1).accuracy.count, 2);
  for (const bool main_alone : {false, true}) {
    if (main_alone) first.resize(1);
    const Claim accuracy = claim_named(claims_of(results), "later-accuracy");
    EXPECT_EQ(accuracy.estimate.count, 2);
    expect_told(accuracy, "decay at 6 against 2");
    expect_told(accuracy, "; 2 of 3 seeds");
  }
}

// Makes the branch at 6 end before it has any value.
void fail_last_branch(ReportData* seed) {
  RunSeries& run = seed->runs.back();
  run.epochs.clear();
  run.final_metrics = run.measures = nullptr;
  run.diverged = true;
}

TEST(Claims, ABranchThatDivergedIsNamed) {
  Results results = results_of(kLaterIsBetter);
  fail_last_branch(&results.seeds[1]);
  const std::string why = "; decay-at-6 diverged in ";
  for (const char* id : {"later-accuracy", "later-loss", "later-gap", "faster", "gain"})
    expect_told(claim_named(claims_of(results), id), "; 2 of 3 seeds" + why + "1 of 3 seeds: left out there");
  EXPECT_TRUE(contains(sweep_table(results).rows.at(2).at(3), "(2 seeds)"));
  for (ReportData& seed : results.seeds) fail_last_branch(&seed);
  for (const char* id : {"later-accuracy", "faster", "gain"})
    expect_told(claim_named(claims_of(results), id), why + "3 of 3 seeds: left out");
  Results late = results_of(kLaterIsBetter);  // diverges after the common epoch, at which it has values
  const Claim whole = claim_named(claims_of(late), "later-accuracy");
  late.seeds[1].runs.back().diverged = true;
  late.seeds[1].runs.back().final_metrics = nullptr;
  const Claim told = claim_named(claims_of(late), "later-accuracy");
  EXPECT_EQ(whole.estimate.count, 3);
  EXPECT_EQ(told.estimate.count, 2);
  expect_told(told, "; 2 of 3 seeds");
  EXPECT_FALSE(contains(claim_named(claims_of(results), "valley").measured, "diverged"));
  EXPECT_EQ(sweep_table(results).rows.at(2).at(3), "diverged");
  EXPECT_TRUE(contains(to_html(sweep_table(results)), "<td class=\"number\">diverged</td>"));
  EXPECT_EQ(study_json({results})["experiments"][0]["runs"]["decay-at-6"]["diverged"], 3);
  EXPECT_EQ(study_json({results})["experiments"][0]["runs"]["main"]["diverged"], 0);
}

TEST(Claims, ASeedThatIsNotDoneIsNoEvidence) {
  // The branches at 4 and 6 reach 0.5 before epoch 10; in the first seed the branch at 4 is at epoch 7 and not there
  // yet.
  Results results = results_of({{0.5, 0.6, 0.7}, {0.5, 0.6, 0.7}, {0.5, 0.61, 0.7}});
  RunSeries& running = results.seeds[0].runs[2];
  running.epochs.resize(3);
  running.final_metrics = nullptr;
  std::vector<Claim> claims = claims_of(results);
  for (const char* id : {"later-accuracy", "later-loss", "faster", "gain"}) {
    const Claim claim = claim_named(claims, id);
    expect_told(claim, "; 2 of 3 seeds");
    EXPECT_NE(claim.verdict, Verdict::kContradicted) << id;
  }
  EXPECT_NE(claim_named(claims, "later-accuracy").measured.find("all at epoch 10"), std::string::npos)
      << claim_named(claims, "later-accuracy").measured;
  // Only one seed, which is still running.
  results.seeds.resize(1);
  claims = claims_of(results);
  for (const char* id : {"later-accuracy", "faster", "gain"}) {
    EXPECT_NE(claim_named(claims, id).verdict, Verdict::kContradicted) << id;
    EXPECT_NE(claim_named(claims, id).verdict, Verdict::kSupported) << id;
  }
}

TEST(Claims, WhereNoSeedWasEvaluatedNothingIsTested) {
  Results results = results_of(kLaterIsBetter);
  for (ReportData& seed : results.seeds) seed.runs[1].epochs.back().test_accuracy.reset();
  for (const char* id : {"later-accuracy", "later-loss", "faster", "gain"}) {
    const Claim claim = claim_named(claims_of(results), id);
    EXPECT_EQ(claim.verdict, Verdict::kNotTested) << id;
    expect_told(claim, "no seed has all branches evaluated at epoch 10");
  }
}

TEST(Claims, HoldTheNumberThatTheVerdictGoesBy) {
  const nlohmann::json told = study_json({results_of(kLaterIsBetter)})["experiments"][0]["claims"];
  const auto named = [&](const char* id) {
    return *std::find_if(told.begin(), told.end(), [&](const nlohmann::json& claim) { return claim["id"] == id; });
  };
  const nlohmann::json accuracy = named("later-accuracy"), gain = named("gain"), valley = named("valley");
  EXPECT_NEAR(accuracy["estimate"].get<double>(), 1.25, 1e-9);
  EXPECT_NEAR(accuracy["low"].get<double>(), 0.629, 5e-4);
  EXPECT_NEAR(accuracy["high"].get<double>(), 1.871, 5e-4);
  EXPECT_EQ(accuracy["unit"], "points an epoch of delay");
  EXPECT_EQ(accuracy["seeds"], 3);
  EXPECT_EQ(gain["unit"], "% of the test error");
  EXPECT_TRUE(valley["estimate"].is_null());
  EXPECT_EQ(valley["seeds"], 0);
}

TEST(Claims, OfOneSeedHoldNoDeviation) {
  const auto deviations = [](const std::vector<std::vector<double>>& last) {
    const nlohmann::json told = study_json({results_of(last)})["experiments"][0];
    return std::vector{told["runs"]["main"]["test_loss"]["std"], told["runs"]["main"]["distance"]["std"],
                       told["comparisons"][0]["test_loss"]["std"]};
  };
  for (const nlohmann::json& deviation : deviations({kLaterIsBetter.front()})) EXPECT_TRUE(deviation.is_null());
  const std::vector<nlohmann::json> three = deviations(kLaterIsBetter);
  EXPECT_EQ(three[0], 0);
  EXPECT_TRUE(three[1].is_null());  // no seed has a map
  EXPECT_GT(three[2].get<double>(), 0);
}

TEST(Claims, AveragesAreNoBranches) {
  ReportData data = synthetic_report(5);
  const Valley valley = measure_valley(data).value();
  const std::size_t branches = decay_sweep({"", {}, {}, {data}}).runs.size();
  add_synthetic_averages(&data);
  EXPECT_EQ(decay_sweep({"", {}, {}, {data}}).runs.size(), branches);
  EXPECT_EQ(measure_valley(data)->alignment, valley.alignment);
  EXPECT_EQ(measure_valley(data)->barrier, valley.barrier);
  EXPECT_EQ(measure_valley(data)->last_distance, valley.last_distance);
}

// Adds averages of the main path; `at_end[seed]` is the average's final accuracy.
Results with_averages(Results results, const std::vector<double>& at_end, double end = kEnd) {
  for (std::size_t i = 0; i < at_end.size(); ++i)
    results.seeds[i].averages.push_back(run_of(average_name("main"), std::nullopt, end, at_end[i]));
  return results;
}

TEST(Claims, LateDecayIsPairedWithTheAverageOfTheMainPath) {
  // The branch at 6 ends 5, 4 and 6 points above the average: t = 5 / (1 / sqrt 3), and the half width is 4.303 / sqrt
  // 3 = 2.48.
  const Claim above =
      claim_named(claims_of(with_averages(results_of(kLaterIsBetter), {0.50, 0.51, 0.50})), "averaging");
  EXPECT_EQ(above.verdict, Verdict::kSupported);
  expect_told(above,
              "decay at 6 (the best of 3) against the average: 5.00 [2.52, 7.48] points (p = 0.013), "
              "-0.0500 [-0.0748, -0.0252] nats; at epoch 10");
  const auto verdict = [](const std::vector<double>& at_end) {
    return claim_named(claims_of(with_averages(results_of(kLaterIsBetter), at_end)), "averaging").verdict;
  };
  EXPECT_EQ(verdict({0.60, 0.61, 0.60}), Verdict::kContradicted);
  EXPECT_EQ(verdict({0.50, 0.60, 0.56}), Verdict::kUndecided);
  for (const Claim& claim : claims_of(results_of(kLaterIsBetter))) EXPECT_NE(claim.id, "averaging");
}

TEST(Claims, LateDecayAndAnAverageAreComparedAfterEquallyManyEpochs) {
  // The main path ends at epoch 5, when the branch at 6 has not started, the one at 4 is at 0.4 + 0.1 / 6 and the one
  // at 2 at 0.43.
  const Results results = with_averages(results_of({{0.48, 0.5, 0.9}, {0.48, 0.5, 0.9}}), {0.41, 0.41}, 5);
  const Claim claim = claim_named(claims_of(results), "averaging");
  expect_told(claim, "decay at 2 (the best of 2) against the average: 2.00 [");
  expect_told(claim, "at epoch 5");
}

}  // namespace
}  // namespace thalweg
