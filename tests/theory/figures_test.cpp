#include "theory/figures.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "tests/theory/fixture.h"

namespace thalweg {
namespace {

using nlohmann::json;

TheoryStudy still_study(const json& changes) {
  return made_study(changes, [](std::int64_t, std::int64_t, std::int64_t step) {
    return TheoryPoint{step < 2 ? 1 : 1e-4, 1, 1, 1};
  });
}

TEST(TheoryFigures, ShownAreTheRateOfLeastRiskThatIsWholeAndFourOfItsDecayTimes) {
  // The first rate has its least risk at one decay time only, and the last rate has a run that diverged.
  const TheoryStudy study = made_study({{"decay_times", {0, 10, 20, 30, 100, 200, 300}}},
                                       [](std::int64_t set, std::int64_t cell, std::int64_t) {
                                         if (cell == 17 && set == 0) return TheoryPoint{NAN, 0, 1, 1};
                                         return TheoryPoint{1, cell == 3 ? 1.0 : cell >= 14 ? 0.5 : 2.0, 1, 1};
                                       });
  const std::vector<std::size_t> shown = shown_cells(study);
  ASSERT_EQ(shown.size(), 4u);
  EXPECT_EQ(shown.front(), 0u);
  EXPECT_EQ(shown.back(), 6u);
  EXPECT_TRUE(std::is_sorted(shown.begin(), shown.end()));
}

TEST(TheoryFigures, NothingIsShownWhereEveryRateDiverges) {
  const TheoryStudy study = made_study(json::object(), [](std::int64_t, std::int64_t cell, std::int64_t) {
    return TheoryPoint{cell % 3 == 1 ? NAN : 1.0, 1, 1, 1};
  });
  EXPECT_TRUE(shown_cells(study).empty());
}

TEST(TheoryFigures, OfSchedulesTheFirstSevenAreShown) {
  json changes = {{"rates", nullptr}, {"decay_times", nullptr}};
  for (int k = 0; k < 9; ++k)
    changes["schedules"][fmt::format("s{}", k)] = {{"kind", "constant"}, {"lr", 0.001 * (k + 1)}};
  EXPECT_EQ(shown_cells(still_study(changes)), (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(TheoryFigures, DriftIsNamedWhereThereIsOne) {
  for (const bool drifts : {true, false}) {
    const char* kind = drifts ? "fresh" : "fixed";
    const std::vector<Figure> figures =
        theory_figures(still_study({{"noise", {{"kind", kind}, {"std", 3}}}, {"decay_times", {100, 200}}}));
    ASSERT_EQ(figures.size(), 3u);
    const auto has = [&](std::size_t figure, const char* text) {
      return figures[figure].svg.find(text) != std::string::npos;
    };
    EXPECT_EQ(has(0, "drift along the minima"), drifts);
    EXPECT_EQ(has(0, "at a minimum"), !drifts);
    EXPECT_EQ(has(2, "drift time, predicted"), drifts);
  }
}

TEST(TheoryFigures, DriftThatIsFasterThanEveryDecayTimeIsNotNamed) {
  // At the lower border, a rate of 0.0005, drift takes 4 / (0.0005^2 * 3600 * 23) = 193 steps; cells start at 450.
  const std::vector<Figure> figures = theory_figures(
      still_study({{"noise", {{"kind", "fresh"}, {"std", 60}}}, {"steps", 1000}, {"decay_times", {500, 600}}}));
  EXPECT_EQ(figures.back().svg.find("drift time, predicted"), std::string::npos);
}

TEST(TheoryDrift, TakesStepsByTheFormula) {
  const auto steps = [](const json& changes) { return drift_steps(still_study(changes), 0.01); };
  // eta^2 sigma^2 d = 1e-4 * 0.04 * 23, with a norm of 0.5.
  EXPECT_NEAR(steps(json::object()), 4 / 9.2e-5, 1e-6);
  EXPECT_NEAR(steps({{"batch", 4}}), 16 / 9.2e-5, 1e-6);
  EXPECT_NEAR(steps({{"batch", 0}}), 36 / 9.2e-5, 1e-6);
  EXPECT_NEAR(steps({{"gamma", 2}}), 3 / (9.2e-5 * 0.25), 1e-6);
  EXPECT_EQ(steps({{"gamma", 0}}), INFINITY);
  EXPECT_EQ(steps({{"noise", {{"kind", "fixed"}}}}), INFINITY);
  EXPECT_EQ(steps({{"noise", {{"kind", "none"}}}}), INFINITY);
}

// Small rates, for which the terms that the formula omits are small.
TEST(TheoryDrift, TheNullSpacePartFallsByEInThePredictedSteps) {
  for (const double gamma : {1.0, 2.0}) {
    const TheoryStudy study = simulated_study({{"dimensions", 100},
                                               {"samples", 50},
                                               {"gamma", gamma},
                                               {"noise", {{"kind", "fresh"}, {"std", 0.5}}},
                                               {"steps", 80000},
                                               {"seeds", 4},
                                               {"records", 160},
                                               {"rates", {0.002}},
                                               {"decay_times", {80000}}});
    for (std::int64_t s = 0; s < study.runs.num_sets; ++s) {
      const TheoryProblem& problem = study.problems[static_cast<std::size_t>(s)];
      const at::Tensor paths = study.runs.paths[s][0];  // [R, d]
      const at::Tensor null = paths - paths.mm(at::linalg_pinv(problem.inputs).mm(problem.inputs).t());
      const at::Tensor part = null.norm(2, 1) / problem.solution_norm;
      const auto first_below = [&](double share) { return (part > share).sum().item<std::int64_t>(); };
      const std::int64_t from = first_below(0.5), to = first_below(0.2);
      ASSERT_LT(to, part.size(0));
      const double steps = static_cast<double>(study.runs.steps[static_cast<std::size_t>(to)] -
                                               study.runs.steps[static_cast<std::size_t>(from)]);
      const double foldings = std::log((part[from] / part[to]).item<double>());
      EXPECT_NEAR(steps / foldings / drift_steps(study, 0.002), 1, 0.2) << "gamma " << gamma << " set " << s;
    }
  }
}

// At a small rate. The level that marks the end of a descent for the phases is four times as high.
TEST(TheoryDrift, NoiseKeepsTheTrainLossAtAQuarterOfItsLevel) {
  const TheoryStudy study = simulated_study({{"dimensions", 100},
                                             {"samples", 50},
                                             {"noise", {{"kind", "fresh"}, {"std", 0.5}}},
                                             {"batch", 2},
                                             {"steps", 40000},
                                             {"seeds", 4},
                                             {"records", 400},
                                             {"rates", {0.001}},
                                             {"decay_times", {40000}}});
  double ratio = 0, count = 0;
  for (std::size_t r = 0; r < study.runs.steps.size(); ++r) {
    if (2 * study.runs.steps[r] < study.config.steps) continue;
    const CellState state = study.state(0, r);
    ratio += state.train_loss.mean / (0.001 * 0.25 * 100 * state.norm.mean * state.norm.mean / (4 * 2));
    ++count;
  }
  EXPECT_NEAR(ratio / count, 1, 0.2);
}

}  // namespace
}  // namespace thalweg
