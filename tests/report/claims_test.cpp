#include "report/claims.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "report/decay_comparison.h"
#include "report/study.h"
#include "report/study_tables.h"
#include "report/summary.h"
#include "report/valley.h"
#include "synthetic_report.h"

namespace thalweg {
namespace {

constexpr double kEnd = 10;

// A run evaluated after every epoch; its accuracy goes in a straight line from that of the main path, 0.4, to `last`.
RunSeries run_of(const std::string& name, std::optional<double> fork, double end, double last) {
  RunSeries run{name, fork, {}, nullptr};
  const double from = fork.value_or(0);
  for (double epoch = from + 1; epoch <= end; ++epoch) {
    const double accuracy = 0.4 + (last - 0.4) * (epoch - from) / (end - from);
    run.epochs.push_back({static_cast<std::int64_t>(epoch), epoch, 0.1, 1, 0.5, 1 - accuracy, accuracy});
  }
  run.final_metrics = {{"train_loss", 0.1}, {"test_accuracy", last}, {"test_loss", 1 - last}};
  run.measures = {{"weight_norm", 3.0}};
  return run;
}

// Branches at 2, 4 and 6; `last[seed]` their final accuracies.
Results results_of(const std::vector<std::vector<double>>& last, const std::vector<double>& ends = {kEnd, kEnd, kEnd}) {
  Results out{"late decay", {}, {}, {}};
  for (const std::vector<double>& of_seed : last) {
    ReportData seed;
    seed.runs.push_back(run_of("main", std::nullopt, kEnd, 0.4));
    for (std::size_t i = 0; i < 3; ++i) {
      const double fork = 2 + 2 * static_cast<double>(i);
      seed.runs.push_back(run_of(fmt::format("decay-at-{:g}", fork), fork, ends[i], of_seed[i]));
    }
    out.seeds.push_back(std::move(seed));
  }
  return out;
}

const std::vector<std::vector<double>> kLaterIsBetter = {{0.50, 0.52, 0.55}, {0.51, 0.53, 0.55}, {0.50, 0.53, 0.56}};

Claim claim_named(const std::vector<Claim>& claims, const std::string& id) {
  for (const Claim& claim : claims) {
    if (claim.id == id) return claim;
  }
  ADD_FAILURE() << id;
  return {};
}

TEST(Claims, ATrendOverSeedsIsTestedByItsSlopes) {
  const std::vector<Claim> claims = claims_of(results_of(kLaterIsBetter));
  // Slopes 1.25, 1.0 and 1.5 points an epoch: mean 1.25, standard error 0.25 / sqrt 3, t = 8.66 with 2 degrees of
  // freedom, p = 0.0131.
  const Claim accuracy = claim_named(claims, "later-accuracy");
  EXPECT_EQ(accuracy.verdict, Verdict::kSupported);
  EXPECT_NE(accuracy.measured.find("1.250 [0.629, 1.871] points an epoch of delay (p = 0.013)"), std::string::npos)
      << accuracy.measured;
  EXPECT_EQ(claim_named(claims, "later-loss").verdict, Verdict::kSupported);
}

TEST(Claims, TheGapIsTestedByItsSlopesWhereBranchesEndTogether) {
  // Gaps 0.40, 0.38 and 0.35 in the first seed: train loss is 0.1 everywhere, so slopes are the test loss's.
  Results results = results_of(kLaterIsBetter);
  const Claim gap = claim_named(claims_of(results), "later-gap");
  EXPECT_EQ(gap.verdict, Verdict::kSupported);
  EXPECT_NE(gap.measured.find("-0.01250 [-0.01871, -0.00629] nats an epoch of delay (p = 0.013); decay at 6 against 2: "
                              "-0.0500 ["),
            std::string::npos)
      << gap.measured;
  // Where the train loss falls faster than the test loss, the gap grows.
  for (ReportData& seed : results.seeds)
    for (std::size_t i = 1; i < 4; ++i) seed.runs[i].final_metrics["train_loss"] = 0.5 - 0.1 * static_cast<double>(i);
  EXPECT_EQ(claim_named(claims_of(results), "later-gap").verdict, Verdict::kContradicted);
  const Claim apart = claim_named(claims_of(results_of(kLaterIsBetter, {10, 10, 14})), "later-gap");
  EXPECT_EQ(apart.verdict, Verdict::kNotTested);
  EXPECT_NE(apart.measured.find("no seed has a finite value of all branches at epoch 10"), std::string::npos)
      << apart.measured;
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
  // Errors 0.5 and 0.4 in each seed: 20 % less.
  const Claim gain = claim_named(claims_of(results_of({{0.5, 0.5, 0.6}, {0.5, 0.5, 0.6}})), "gain");
  EXPECT_EQ(gain.verdict, Verdict::kSupported);
  EXPECT_NE(gain.measured.find("20.0 [20.0, 20.0] % of the test error, 20.0 [20.0, 20.0] % of the accuracy"),
            std::string::npos)
      << gain.measured;
  EXPECT_EQ(claim_named(claims_of(results_of({{0.5, 0.5, 0.55}, {0.5, 0.5, 0.55}})), "gain").verdict, Verdict::kWeaker);
}

TEST(Claims, TheGainIsOfTheBranchThatIsBestAfterEquallyManyEpochs) {
  // The branch at 6 ends higher, at epoch 14; after 10 epochs it is at 0.5, and that at 4 at 0.55.
  const Claim gain = claim_named(claims_of(results_of({{0.5, 0.55, 0.6}, {0.5, 0.55, 0.6}}, {kEnd, kEnd, 14})), "gain");
  EXPECT_NE(gain.measured.find("decay at 4 (the best of 2) against 2: 10.0 [10.0, 10.0] % of the test error"),
            std::string::npos)
      << gain.measured;
}

TEST(Claims, EpochsToTheBaselinesAccuracyCountFromTheStart) {
  // The branch at 4 rises by 0.1 an epoch and reaches 0.5 after one of its own: epoch 5 of 10.
  const Claim faster = claim_named(claims_of(results_of({{0.5, 1.0, 0.4}, {0.5, 1.0, 0.4}})), "faster");
  EXPECT_EQ(faster.verdict, Verdict::kSupported);
  EXPECT_NE(faster.measured.find("decay at 4 (the fastest of 2) is there 2.00"), std::string::npos) << faster.measured;
  EXPECT_EQ(claim_named(claims_of(results_of({{0.5, 0.45, 0.4}, {0.5, 0.45, 0.4}})), "faster").verdict,
            Verdict::kContradicted);
}

TEST(Claims, ABaselineOnAPlateauIsChargedUntilItCameThere) {
  // The baseline is at 0.5 from epoch 4 on; the branch at 4 merely comes there too, at epoch 5.
  Results results = results_of({{0.5, 1.0, 0.4}, {0.5, 1.0, 0.4}});
  for (ReportData& seed : results.seeds) {
    for (EpochMetrics& m : seed.runs[1].epochs) m.test_accuracy = m.epoch < 4 ? 0.4 : 0.5;
  }
  const Claim faster = claim_named(claims_of(results), "faster");
  EXPECT_EQ(faster.verdict, Verdict::kContradicted);
  EXPECT_NE(faster.measured.find("is there 0.80 [0.80, 0.80] times as fast as decay at 2, which is there after 4 "
                                 "epochs; epochs are known to an evaluation interval, 1"),
            std::string::npos)
      << faster.measured;
}

TEST(Claims, ASeedThatNeverGetsThereIsNoTimesAsFast) {
  const Claim faster =
      claim_named(claims_of(results_of({{0.5, 1.0, 0.4}, {0.5, 1.0, 0.4}, {0.5, 0.45, 0.4}})), "faster");
  EXPECT_EQ(faster.verdict, Verdict::kUndecided);
  EXPECT_NE(faster.measured.find("; never in 1 of 3 seeds, 0 times"), std::string::npos) << faster.measured;
  EXPECT_EQ(claim_named(claims_of(results_of({{0.5, 0.4, 0.4}, {0.5, 0.4, 0.4}})), "faster").measured,
            "no later decay reaches it");
}

TEST(Claims, DecayTimesAreComparedAfterEquallyManyEpochs) {
  // The branch at 6 trains to epoch 14 and ends high; after 10 epochs it is at 0.5, no better than the first.
  const Results results = results_of({{0.5, 0.5, 0.6}, {0.5, 0.5, 0.6}}, {10, 10, 14});
  const std::vector<Comparison> comparisons = compare_decay_times(results);
  ASSERT_EQ(comparisons.size(), 2U);
  EXPECT_EQ(comparisons[1].epoch, 10);
  EXPECT_NEAR(comparisons[1].accuracy.mean, 0, 1e-12);
  // One that has not decayed before the first ends cannot be compared with it.
  EXPECT_EQ(compare_decay_times(results_of(kLaterIsBetter, {5, 10, 10})).size(), 1U);
  EXPECT_EQ(claim_named(claims_of(results_of(kLaterIsBetter, {5, 10, 10})), "later-accuracy").verdict,
            Verdict::kNotTested);
}

TEST(Claims, PairedDifferencesCarryHolmsCorrection) {
  const std::vector<Comparison> comparisons = compare_decay_times(results_of(kLaterIsBetter));
  ASSERT_EQ(comparisons.size(), 2U);
  EXPECT_NEAR(comparisons[1].accuracy.mean, 5, 1e-9);  // points: 5, 4 and 6
  EXPECT_NEAR(comparisons[1].accuracy.t, 5 / (1 / std::sqrt(3.0)), 1e-9);
  const double least = std::min(comparisons[0].accuracy.p, comparisons[1].accuracy.p);
  EXPECT_NEAR(std::min(comparisons[0].accuracy_p, comparisons[1].accuracy_p), 2 * least, 1e-12);
}

TEST(Claims, ASeedThatIsNotDoneCountsWhereItHasValues) {
  Results results = results_of(kLaterIsBetter);
  results.seeds[2].runs.pop_back();  // its last branch has not begun
  const std::vector<Comparison> comparisons = compare_decay_times(results);
  EXPECT_EQ(comparisons[0].accuracy.count, 3);
  EXPECT_EQ(comparisons[1].accuracy.count, 2);
  EXPECT_NO_THROW(study_markdown({results}));
}

TEST(Claims, ASeedThatIsNotDoneIsNoEvidence) {
  // The branches at 4 and 6 reach 0.5 before epoch 10; in the first seed that at 4 is at epoch 7, not there yet.
  Results results = results_of({{0.5, 0.6, 0.7}, {0.5, 0.6, 0.7}, {0.5, 0.61, 0.7}});
  RunSeries& running = results.seeds[0].runs[2];
  running.epochs.resize(3);
  running.final_metrics = nullptr;
  std::vector<Claim> claims = claims_of(results);
  for (const char* id : {"later-accuracy", "later-loss", "faster", "gain"}) {
    const Claim claim = claim_named(claims, id);
    EXPECT_NE(claim.measured.find("; 2 of 3 seeds"), std::string::npos) << claim.measured;
    EXPECT_NE(claim.verdict, Verdict::kContradicted) << id;
  }
  EXPECT_NE(claim_named(claims, "later-accuracy").measured.find("all at epoch 10"), std::string::npos)
      << claim_named(claims, "later-accuracy").measured;
  // One seed, still running.
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
    EXPECT_NE(claim.measured.find("no seed has all branches evaluated at epoch 10"), std::string::npos);
  }
}

TEST(Claims, AcrossExperimentsTheyAskForDepthsAndDataSets) {
  Results shallow = results_of(kLaterIsBetter), deep = shallow, other = shallow;
  shallow.config = {{"model", {{"name", "mlp"}, {"hidden", {64}}}}, {"data", {{"name", "cifar10"}}}};
  deep.config = {{"model", {{"name", "vgg11_bn"}}}, {"data", {{"name", "cifar10"}}}};
  other.config = {{"model", {{"name", "vgg11_bn"}}}, {"data", {{"name", "fashion_mnist"}}}};
  EXPECT_EQ(claim_named(claims_across({shallow, deep}), "depth").verdict, Verdict::kSupported);
  EXPECT_EQ(claim_named(claims_across({shallow, deep}), "data").verdict, Verdict::kNotTested);
  EXPECT_EQ(claim_named(claims_across({deep, other}), "data").verdict, Verdict::kSupported);
  EXPECT_EQ(claim_named(claims_across({deep, other}), "depth").verdict, Verdict::kNotTested);
  other.seeds = results_of({{0.55, 0.52, 0.50}, {0.55, 0.53, 0.51}, {0.56, 0.53, 0.50}}).seeds;
  EXPECT_EQ(claim_named(claims_across({deep, other}), "data").verdict, Verdict::kUndecided);
}

TEST(Claims, OfADataSetOneUndecidedNetworkDoesNotUndoAnother) {
  const auto experiment = [](const std::string& title, const std::string& data,
                             const std::vector<std::vector<double>>& last) {
    Results out = results_of(last);
    out.title = title;
    out.config = {{"model", {{"name", "vgg11_bn"}}}, {"data", {{"name", data}}}};
    return out;
  };
  const std::vector<std::vector<double>> noise = {{0.50, 0.52, 0.55}, {0.55, 0.53, 0.51}, {0.50, 0.53, 0.51}};
  const Results one = experiment("one", "cifar10", kLaterIsBetter), noisy = experiment("two", "cifar10", noise),
                other = experiment("other", "fashion_mnist", kLaterIsBetter);
  const Claim data = claim_named(claims_across({one, noisy, other}), "data");
  EXPECT_EQ(data.verdict, Verdict::kSupported);
  EXPECT_NE(
      data.measured.find("points an epoch of delay: cifar10 supported (one: 1.250 [0.629, 1.871], p = 0.013; two: "),
      std::string::npos)
      << data.measured;
  EXPECT_NE(data.measured.find("fashion_mnist supported (other: 1.250"), std::string::npos) << data.measured;
  // Four networks of which one alone is significant, by p = 0.013: Holm's p is 0.052.
  EXPECT_EQ(claim_named(claims_across({one, noisy, noisy, noisy, other}), "data").verdict, Verdict::kUndecided);
  // And one that says the opposite does.
  const Results opposite = experiment("three", "cifar10", {{0.55, 0.52, 0.50}, {0.55, 0.53, 0.51}, {0.56, 0.53, 0.50}});
  EXPECT_EQ(claim_named(claims_across({one, opposite, other}), "data").verdict, Verdict::kUndecided);
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

TEST(Claims, TheGeometryCarriesIntervalsOverSeeds) {
  ReportData one = synthetic_report(5), two = one;
  for (PathPoint& point : two.surfaces.front().path)
    if (is_main(point.run)) point.x *= 0.99;
  const std::vector<Claim> claims = claims_of({"", {}, {}, {one, two, ReportData{}}});
  const Claim near = claim_named(claims, "near-minimum");
  EXPECT_EQ(near.estimate.count, 2);
  EXPECT_LT(near.estimate.low, near.estimate.mean);
  EXPECT_NE(near.measured.find(fmt::format("{:.2f} [", near.estimate.mean)), std::string::npos) << near.measured;
  EXPECT_NE(near.measured.find("; 2 of 3 seeds"), std::string::npos) << near.measured;
  EXPECT_NE(claim_named(claims, "valley").measured.find("|cos| 1.00 ["), std::string::npos);
}

TEST(Claims, ValuesOnAMapAreBilinear) {
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

TEST(Claims, AValleyIsFoundAndARidgeIsSeen) {
  ReportData data = synthetic_report(5);
  const std::optional<Valley> valley = measure_valley(data);
  ASSERT_TRUE(valley);
  EXPECT_GT(valley->alignment, 0.9);
  EXPECT_LT(valley->barrier, 0.1);
  EXPECT_LT(valley->last_distance, 0.5 * valley->first_distance);
  // Waves along the valley stand between the ends.
  Surface& surface = data.surfaces.front();
  for (std::size_t k = 0; k < surface.values["train_loss"].size(); ++k)
    surface.values["train_loss"][k] += std::pow(std::sin(6 * surface.x[k % surface.x.size()]), 2);
  EXPECT_GT(measure_valley(data)->barrier, 0.5);
  EXPECT_FALSE(measure_valley(synthetic_report(2)));
}

// Adds to the train loss where |x - at| < 0.2, a wall across the valley between the ends of two branches.
void add_wall(Surface* surface, double at, double height) {
  for (std::size_t k = 0; k < surface->values["train_loss"].size(); ++k) {
    if (std::abs(surface->x[k % surface->x.size()] - at) < 0.2) surface->values["train_loss"][k] += height;
  }
}

TEST(Claims, ALossBetweenTheEndsThatIsNotFiniteIsABarrier) {
  ReportData data = synthetic_report(5);
  const auto paths = paths_by_run(data.surfaces.front());
  const double between = (paths[1].back().x + paths[2].back().x) / 2;
  for (const double height : {double{NAN}, double{INFINITY}}) {
    ReportData walled = data;
    add_wall(&walled.surfaces.front(), between, height);
    EXPECT_EQ(measure_valley(walled).value().barrier, INFINITY);
    const Claim claim = claim_named(claims_of({"", {}, {}, {walled, walled}}), "valley");
    EXPECT_EQ(claim.verdict, Verdict::kContradicted);
    EXPECT_NE(claim.measured.find("in 2 of 2 seeds it is not finite there"), std::string::npos) << claim.measured;
  }
}

TEST(Claims, BranchesThatDoNotDescendEndOnNoFloor) {
  ReportData data = synthetic_report(5);
  for (double& loss : data.surfaces.front().values["train_loss"]) loss = -loss;
  EXPECT_EQ(measure_valley(data).value().barrier, INFINITY);
}

TEST(Claims, AMapThatIsNotFinishedOrTooSmallHasNoValley) {
  ReportData data = synthetic_report(5);
  Surface& surface = data.surfaces.front();
  surface.values["cell"].assign(surface.values["train_loss"].size(), static_cast<double>(Cell::kExact));
  EXPECT_TRUE(measure_valley(data));
  surface.values["cell"].back() = static_cast<double>(Cell::kMissing);
  EXPECT_FALSE(measure_valley(data));
  surface.values.erase("cell");
  for (PathPoint& point : surface.path) point.x += point.run == "decay-at-24" ? 9 : 0;
  EXPECT_FALSE(measure_valley(data));
}

TEST(Claims, ATestMinimumOnTheBorderLeavesItUndecidedWhetherTrainingComesNear) {
  ReportData data = synthetic_report(5);
  EXPECT_FALSE(measure_valley(data).value().test_on_edge);
  data.surfaces.front().values["test_loss"].back() = 0;
  const Claim near = claim_named(claims_of({"", {}, {}, {data, data}}), "near-minimum");
  EXPECT_EQ(near.verdict, Verdict::kUndecided);
  EXPECT_NE(near.measured.find("in 2 of 2 seeds the smallest test loss is on the map's border"), std::string::npos);
  // That of the train loss says nothing of it.
  data = synthetic_report(5);
  data.surfaces.front().values["train_loss"].back() = 0;
  EXPECT_EQ(claim_named(claims_of({"", {}, {}, {data, data}}), "near-minimum").verdict, Verdict::kSupported);
}

TEST(Claims, AveragesAreNoBranches) {
  ReportData data = synthetic_report(5);
  const Valley valley = measure_valley(data).value();
  const std::size_t branches = branches_of({"", {}, {}, {data}}).size();
  add_synthetic_averages(&data);
  EXPECT_EQ(branches_of({"", {}, {}, {data}}).size(), branches);
  EXPECT_EQ(measure_valley(data)->alignment, valley.alignment);
  EXPECT_EQ(measure_valley(data)->barrier, valley.barrier);
  EXPECT_EQ(measure_valley(data)->last_distance, valley.last_distance);
}

// `at_end[seed]`: the accuracy of the main path's average at its end.
Results with_averages(Results results, const std::vector<double>& at_end, double end = kEnd) {
  for (std::size_t i = 0; i < at_end.size(); ++i)
    results.seeds[i].averages.push_back(run_of(average_name("main"), std::nullopt, end, at_end[i]));
  return results;
}

TEST(Claims, LateDecayIsPairedWithTheAverageOfTheMainPath) {
  // The branch at 6 ends 5, 4 and 6 points above the average: t = 5 / (1 / sqrt 3), half width 4.303 / sqrt 3 = 2.48.
  const Claim above =
      claim_named(claims_of(with_averages(results_of(kLaterIsBetter), {0.50, 0.51, 0.50})), "averaging");
  EXPECT_EQ(above.verdict, Verdict::kSupported);
  EXPECT_NE(above.measured.find("decay at 6 (the best of 3) against the average: 5.00 [2.52, 7.48] points (p = 0.013), "
                                "-0.0500 [-0.0748, -0.0252] nats; at epoch 10"),
            std::string::npos)
      << above.measured;
  const auto verdict = [](const std::vector<double>& at_end) {
    return claim_named(claims_of(with_averages(results_of(kLaterIsBetter), at_end)), "averaging").verdict;
  };
  EXPECT_EQ(verdict({0.60, 0.61, 0.60}), Verdict::kContradicted);
  EXPECT_EQ(verdict({0.50, 0.60, 0.56}), Verdict::kUndecided);
  for (const Claim& claim : claims_of(results_of(kLaterIsBetter))) EXPECT_NE(claim.id, "averaging");
}

TEST(Claims, LateDecayAndAnAverageAreComparedAfterEquallyManyEpochs) {
  // The main path ends at epoch 5: the branch at 6 has not begun, that at 4 is at 0.4 + 0.1 / 6, that at 2 at 0.43.
  const Results results = with_averages(results_of({{0.48, 0.5, 0.9}, {0.48, 0.5, 0.9}}), {0.41, 0.41}, 5);
  const Claim claim = claim_named(claims_of(results), "averaging");
  EXPECT_NE(claim.measured.find("decay at 2 (the best of 2) against the average: 2.00 ["), std::string::npos)
      << claim.measured;
  EXPECT_NE(claim.measured.find("at epoch 5"), std::string::npos) << claim.measured;
}

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
  // 52, 53 and 53 %: Student's 4.3027 with 2 degrees of freedom times 0.5774 / sqrt 3 is 1.434.
  EXPECT_EQ(table.rows.at(1).at(0), "decay-at-4");
  EXPECT_EQ(table.rows.at(1).at(3), "52.67 ± 0.58 [51.23, 54.10]");
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
