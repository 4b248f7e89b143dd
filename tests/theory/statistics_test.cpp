#include "theory/statistics.h"

#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "tests/theory/fixture.h"

namespace thalweg {
namespace {

using nlohmann::json;

// The steps at which the descent and the phase after it end, for one rate of 0.01 with every step recorded.
struct PhaseSteps {
  std::int64_t descended, decayed;
  bool operator==(const PhaseSteps&) const = default;
};
PhaseSteps phase_steps(json changes, const std::function<double(double step)>& loss) {
  changes.merge_patch({{"rates", {0.01}}, {"records", 300}});
  const TheoryStudy study = made_study(changes, [&](std::int64_t, std::int64_t, std::int64_t step) {
    return TheoryPoint{loss(static_cast<double>(step)), 1, 1, 1};
  });
  const Phases phases = phases_of(study, 0);
  return {study.runs.steps[phases.descended], study.runs.steps[phases.decayed]};
}

double exponential(double step) {
  return std::exp(-step / 20);
}

TEST(TheoryPhases, WithoutFreshNoiseTheDescentEndsAtAHundredthOfTheFirstLoss) {
  for (const char* kind : {"none", "fixed"}) {
    const json changes = {{"noise", {{"kind", kind}, {"std", 1}}}, {"decay_times", {200}}};
    EXPECT_EQ(phase_steps(changes, exponential), (PhaseSteps{93, 200}));  // 20 ln 100 = 92.1
  }
}

// With d = 23 and a norm of 1, the level is 0.01 * 23 / B.
TEST(TheoryPhases, FreshNoiseKeepsTheLossUp) {
  const auto settling = [](double step) { return exponential(step) + 0.1; };
  json changes = {{"noise", {{"kind", "fresh"}, {"std", 1}}}, {"decay_times", {200}}};
  EXPECT_EQ(phase_steps(changes, settling), (PhaseSteps{41, 200}));  // -20 ln 0.13 = 40.8
  changes["batch"] = 2;
  EXPECT_EQ(phase_steps(changes, settling), (PhaseSteps{84, 200}));  // -20 ln 0.015 = 84.0
  changes["batch"] = 0;                                              // all 9: a level of 0.026
  EXPECT_EQ(phase_steps(changes, settling), (PhaseSteps{200, 200}));
  changes["noise"]["std"] = 0.1;  // less than a hundredth of the first loss
  EXPECT_EQ(phase_steps(changes, exponential), (PhaseSteps{93, 200}));
}

TEST(TheoryPhases, ADecayWithinTheDescentLeavesNothingBetween) {
  for (const char* kind : {"none", "fresh"}) {
    const json noise = {{"kind", kind}, {"std", 0.2}};
    EXPECT_EQ(phase_steps({{"noise", noise}, {"decay_times", {0}}}, exponential), (PhaseSteps{0, 0}));
    EXPECT_EQ(phase_steps({{"noise", noise}, {"decay_times", {50}}}, exponential), (PhaseSteps{50, 50}));
    const auto slow = [](double step) { return std::exp(-step / 200); };
    EXPECT_EQ(phase_steps({{"noise", noise}, {"decay_times", {250}}}, slow), (PhaseSteps{250, 250}));
  }
}

TEST(TheoryPhases, ADescentMayEndBehindTheDecay) {
  const auto end_of = [](double scale) {
    const TheoryStudy study = made_study({{"rates", {0.01}}, {"records", 300}, {"decay_times", {0}}},
                                         [&](std::int64_t, std::int64_t, std::int64_t step) {
                                           return TheoryPoint{std::exp(-static_cast<double>(step) / scale), 1, 1, 1};
                                         });
    return end_of_descent(study, 0);
  };
  EXPECT_EQ(end_of(20), 93u);            // one record per step
  EXPECT_EQ(end_of(200), std::nullopt);  // reaches only e^-1.5
}

TEST(TheoryPhases, ARunThatDivergesNeverComesDown) {
  const auto diverging = [](double step) { return step < 30 ? 1 + step : NAN; };
  EXPECT_EQ(phase_steps({{"decay_times", {200}}}, diverging), (PhaseSteps{200, 200}));
}

TEST(TheoryPhases, WithoutADecayTheyLastToTheEnd) {
  const json constant = {{"kind", "constant"}, {"lr", 0.01}};
  const TheoryStudy study = made_study({{"rates", nullptr}, {"decay_times", nullptr}, {"schedules", {{"a", constant}}}},
                                       [](std::int64_t, std::int64_t, std::int64_t step) {
                                         return TheoryPoint{step < 100 ? 1.0 : 0.0, 1, 1, 1};
                                       });
  const Phases phases = phases_of(study, 0);
  EXPECT_EQ(study.runs.steps[phases.descended], 100);
  EXPECT_EQ(study.runs.steps[phases.decayed], 300);
}

// The final loss of a cell, and its final distance to the solution.
struct End {
  double loss, distance;
};
TheoryStudy ended_study(json changes, const std::vector<End>& ends) {
  changes["decay_times"] = {100};
  for (std::size_t c = 0; c < ends.size(); ++c) changes["rates"].push_back(0.001 * static_cast<double>(c + 1));
  return made_study(changes, [&](std::int64_t, std::int64_t cell, std::int64_t step) {
    const End& end = ends[static_cast<std::size_t>(cell)];
    return TheoryPoint{step == 0 ? 2 : end.loss, end.distance, 1, end.distance};
  });
}

TEST(TheoryEndings, AreToldByLossAndDistance) {
  const TheoryStudy study =
      ended_study({{"noise", {{"kind", "none"}}}}, {{0.02, 0.1}, {0.02, 0.11}, {0.021, 0.1}, {NAN, NAN}});
  EXPECT_EQ(ending_of(study, 0), Ending::kSolution);  // a fifth of the norm 0.5
  EXPECT_EQ(ending_of(study, 1), Ending::kMinimum);
  EXPECT_EQ(ending_of(study, 2), Ending::kDescending);
  EXPECT_EQ(ending_of(study, 3), Ending::kDiverged);
}

TEST(TheoryEndings, HalfOfTheRunsThatDivergeAreTheCell) {
  const auto study = [](std::int64_t diverged) {
    return made_study({{"seeds", 4}}, [&](std::int64_t set, std::int64_t, std::int64_t) {
      return TheoryPoint{1, 1, set < diverged ? INFINITY : 1, 1};
    });
  };
  EXPECT_EQ(ending_of(study(2), 0), Ending::kDiverged);
  EXPECT_NE(ending_of(study(1), 0), Ending::kDiverged);
}

// The first rate, 0.001, has decayed to a tenth by the end, so the level is 1e-4 * sigma^2 * 23.
TEST(TheoryEndings, WhatNoiseKeepsUpAtTheLastRateIsAMinimum) {
  const json noise = {{"kind", "fresh"}, {"std", 10}};
  EXPECT_EQ(ending_of(ended_study({{"noise", noise}}, {{0.22, 1}}), 0), Ending::kMinimum);
  EXPECT_EQ(ending_of(ended_study({{"noise", noise}}, {{0.24, 1}}), 0), Ending::kDescending);
}

TEST(TheoryStates, AreMeansOfRatiosOverTheRunsThatHaveNotDiverged) {
  TheoryStudy study = made_study({{"seeds", 3}}, [](std::int64_t set, std::int64_t, std::int64_t) {
    return set == 2 ? TheoryPoint{NAN, 9, 9, 9} : TheoryPoint{1, 4, 1, 3};
  });
  study.problems[1].solution_norm = 2;
  const CellState end = study.final_state(0);
  EXPECT_EQ(end.diverged, 1);
  EXPECT_DOUBLE_EQ(end.test_risk.mean, 4);
  EXPECT_DOUBLE_EQ(end.norm.mean, 1);
  EXPECT_DOUBLE_EQ(end.norm_ratio.mean, (2 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(end.distance_ratio.mean, (6 + 1.5) / 2);
  EXPECT_NEAR(end.norm_ratio.deviation, 1.5 / std::sqrt(2), 1e-12);
}

TEST(TheoryStates, TheBestCellHasTheLeastRiskOfThoseThatAreWhole) {
  const std::vector<double> risks = {3, 1, 2, 0.5};
  const auto study = [&](bool diverged) {
    return made_study({{"rates", {0.001, 0.002, 0.003, 0.004}}, {"decay_times", {100}}},
                      [&](std::int64_t set, std::int64_t cell, std::int64_t) {
                        const double loss = diverged || (cell == 3 && set == 0) ? NAN : 1;
                        return TheoryPoint{loss, risks[static_cast<std::size_t>(cell)], 1, 1};
                      });
  };
  EXPECT_EQ(best_cell(study(false)), 1u);
  EXPECT_EQ(best_cell(study(true)), std::nullopt);
}

}  // namespace
}  // namespace thalweg
