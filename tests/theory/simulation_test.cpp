#include "theory/simulation.h"

#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "base/stop.h"
#include "gpu.h"
#include "kernels/simd.h"
#include "tests/theory/fixture.h"
#include "theory/flow.h"

namespace thalweg {
namespace {

void expect_same_points(const TheoryPoint& a, const TheoryPoint& b) {
  EXPECT_EQ(a.train_loss, b.train_loss);
  EXPECT_EQ(a.test_risk, b.test_risk);
  EXPECT_EQ(a.norm, b.norm);
  EXPECT_EQ(a.distance, b.distance);
}

TEST(TheorySimulation, ARunDoesNotDependOnThoseBesideIt) {
  for (const char* precision : {"float32", "float64"}) {
    const TheoryConfig config = small_config({{"precision", precision}});
    const auto problems = make_problems(config);
    const std::vector<TheoryCell> cells = make_cells(config);
    const TheoryRuns all = run_small(config, problems, cells);
    for (const std::size_t c : {std::size_t{0}, std::size_t{8}}) {
      const TheoryRuns alone = run_small(config, problems, {cells[c]});
      for (std::int64_t s = 0; s < 2; ++s) {
        EXPECT_TRUE(alone.paths[s][0].equal(all.paths[s][static_cast<std::int64_t>(c)]));
        for (std::size_t r = 0; r < all.steps.size(); ++r)
          expect_same_points(alone.at(s, 0, r), all.at(s, static_cast<std::int64_t>(c), r));
      }
    }
  }
}

TEST(TheorySimulation, ARunDoesNotDependOnThreads) {
  const TheoryConfig config = small_config();
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const TheoryRuns one = run_small(config, make_problems(config), make_cells(config));
  at::set_num_threads(3);
  const TheoryRuns three = run_small(config, make_problems(config), make_cells(config));
  at::set_num_threads(before);
  EXPECT_TRUE(one.paths.equal(three.paths));
  for (std::size_t i = 0; i < one.points.size(); ++i) expect_same_points(one.points[i], three.points[i]);
}

// At a small rate, a step changes a weight by less than half a unit in the last place.
TEST(TheorySimulation, InSinglePrecisionTheNormDoesNotDrift) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "compiled without fused multiply-adds";
#endif
  if (!has_avx2()) GTEST_SKIP() << "the processor lacks fused multiply-adds";
  const nlohmann::json changes = {{"dimensions", 64}, {"samples", 32},          {"steps", 40000},
                                  {"rates", {0.001}}, {"decay_times", {40000}}, {"seeds", 16}};
  std::vector<TheoryRuns> runs;
  for (const char* precision : {"float32", "float64"}) {
    nlohmann::json of_precision = changes;
    of_precision["precision"] = precision;
    const TheoryConfig config = small_config(of_precision);
    runs.push_back(run_small(config, make_problems(config), make_cells(config)));
  }
  double drift = 0;
  for (std::int64_t s = 0; s < 16; ++s)
    drift +=
        (runs[0].at(s, 0, runs[0].steps.size() - 1).norm / runs[1].at(s, 0, runs[1].steps.size() - 1).norm - 1) / 16;
  EXPECT_LT(std::abs(drift), 3e-7);  // measured 1.1e-7; 5.6e-7 if the product that shrinks a weight is rounded
                                     // separately
}

TEST(TheorySimulation, ADataSetDoesNotDependOnThoseBesideIt) {
  const TheoryConfig both = small_config();
  nlohmann::json json = small_theory_json();
  json["seed"] = 4;
  json["theory"]["seeds"] = 1;
  const TheoryConfig second = read_theory_config(json);
  const TheoryRuns all = run_small(both, make_problems(both), make_cells(both));
  const TheoryRuns alone = run_small(second, make_problems(second), make_cells(second));
  EXPECT_TRUE(alone.paths[0].equal(all.paths[1]));
}

TEST(TheorySimulation, GradientDescentOfTheLinearModelEndsInThePseudoInverseSolutionPlusTheNullSpace) {
  const TheoryConfig config = small_config({{"gamma", 0},
                                            {"batch", 0},
                                            {"noise", {{"kind", "fixed"}}},
                                            {"steps", 20000},
                                            {"rates", {0.2}},
                                            {"decay_times", {20000}}});
  const auto problems = make_problems(config);
  const TheoryRuns runs = run_small(config, problems, make_cells(config));
  for (std::int64_t s = 0; s < 2; ++s) {
    const TheoryProblem& problem = problems[static_cast<std::size_t>(s)];
    const at::Tensor pinv = at::linalg_pinv(problem.inputs);
    const at::Tensor null = problem.initial - pinv.mv(problem.inputs.mv(problem.initial));
    const at::Tensor end = runs.paths[s][0][static_cast<std::int64_t>(runs.steps.size()) - 1];
    EXPECT_TRUE(at::allclose(end, pinv.mv(problem.labels) + null, 1e-8, 1e-9));
  }
}

TEST(TheorySimulation, SmallRatesFollowTheGradientFlow) {
  const TheoryConfig config = small_config({{"gamma", 0},
                                            {"batch", 0},
                                            {"noise", {{"kind", "none"}}},
                                            {"steps", 2000},
                                            {"rates", {1e-4}},
                                            {"decay_times", {2000}}});
  const auto problems = make_problems(config);
  const TheoryRuns runs = run_small(config, problems, make_cells(config));
  const GradientFlow flow(problems[0]);
  const at::Tensor s = 1e-4 * at::tensor(runs.steps, at::kDouble), losses = flow.train_loss(s);
  for (std::size_t r = 0; r < runs.steps.size(); ++r) {
    const auto i = static_cast<std::int64_t>(r);
    // Gradient descent deviates by about rate * lambda / 2 of the distance; lambda is below 10 here.
    EXPECT_NEAR(runs.at(0, 0, r).train_loss, losses[i].item<double>(), 1e-3 * losses[0].item<double>());
    EXPECT_TRUE(at::allclose(runs.paths[0][0][i], flow.weights(s)[i], 1e-3, 1e-3));
  }
}

TEST(TheorySimulation, ARateThatIsTooLargeDivergesAlone) {
  const TheoryConfig config = small_config({{"rates", {0.001, 100.0}}, {"decay_times", {300}}});
  const TheoryRuns runs = run_small(config, make_problems(config), make_cells(config));
  EXPECT_TRUE(std::isfinite(runs.at(0, 0, runs.steps.size() - 1).train_loss));
  EXPECT_FALSE(std::isfinite(runs.at(0, 1, runs.steps.size() - 1).train_loss));
}

TEST(TheorySimulation, StopsWhereAStopWasAskedFor) {
  const TheoryConfig config = small_config();
  request_stop();
  EXPECT_THROW(run_small(config, make_problems(config), make_cells(config)), Stopped);
  request_stop(false);
}

TEST(TheorySimulation, RecordsHaveTheEndsAndAscend) {
  EXPECT_EQ(record_steps(1, 10), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(record_steps(4, 4), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  const auto steps = record_steps(100'000, 10);
  EXPECT_EQ(steps.front(), 0);
  EXPECT_EQ(steps.back(), 100'000);
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
}

TEST(TheorySimulation, TheGpuDoesWhatTheCpuDoes) {
  THALWEG_NEED_GPU();
  for (const std::int64_t batch : {0, 1, 4}) {
    const TheoryConfig config = small_config({{"batch", batch}});
    const auto problems = make_problems(config);
    const TheoryRuns cpu = run_small(config, problems, make_cells(config));
    const TheoryRuns gpu = run_small(config, problems, make_cells(config), kGpu);
    EXPECT_TRUE(at::allclose(cpu.paths, gpu.paths, 1e-9, 1e-11));  // float64, summed in another order
  }
}

}  // namespace
}  // namespace thalweg
