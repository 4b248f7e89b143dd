#include "theory/problem.h"

#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "tests/theory/fixture.h"
#include "theory/landscape.h"

namespace thalweg {
namespace {

TheoryConfig config_of(double gamma, const char* noise) {
  nlohmann::json json = small_theory_json();
  json["theory"]["gamma"] = gamma;
  json["theory"]["noise"]["kind"] = noise;
  return read_theory_config(json);
}

TEST(TheoryProblem, TheSolutionFitsAllLabelsAndNoOtherThatDoesIsShorter) {
  for (const double gamma : {0.0, 0.5, 1.0, 2.0}) {
    const TheoryProblem problem = make_problem(config_of(gamma, "fixed"), 7);
    EXPECT_TRUE(at::allclose(problem.inputs.mv(theory_u(problem.solution, gamma)), problem.labels, 1e-9, 1e-10));
    const at::Tensor u = at::linalg_pinv(problem.inputs).mv(problem.labels);
    EXPECT_TRUE(at::allclose(theory_u(problem.solution, gamma), u, 1e-9, 1e-10));
    EXPECT_NEAR(problem.solution_norm, std::pow(u.norm().item<double>(), 1 / (1 + gamma)), 1e-9);
  }
}

TEST(TheoryProblem, RiskIsTheMeanOverNewSamples) {
  const TheoryProblem problem = make_problem(config_of(1, "none"), 7);
  constexpr std::int64_t kDraws = 200'000;
  const at::Tensor x = at::randn({kDraws, 23}, at::detail::createCPUGenerator(31), at::kDouble);
  const at::Tensor w = problem.initial;
  const at::Tensor losses = (x.mv(theory_u(w, 1)) - x.mv(problem.target)).square() / 2;
  const double risk = theory_losses(problem, w.unsqueeze(0)).test.item<double>();
  const double error = losses.std().item<double>() / std::sqrt(static_cast<double>(kDraws));
  EXPECT_NEAR(losses.mean().item<double>(), risk, 4 * error);
  EXPECT_GT(risk, 20 * error);
}

TEST(TheoryProblem, LabelsHaveNoiseWhereItIsFixed) {
  const TheoryProblem clean = make_problem(config_of(1, "fresh"), 7), noisy = make_problem(config_of(1, "fixed"), 7);
  EXPECT_TRUE(clean.inputs.equal(noisy.inputs));
  EXPECT_TRUE(at::allclose(clean.labels, clean.inputs.mv(clean.target)));
  EXPECT_GT((clean.labels - noisy.labels).abs().min().item<double>(), 0);
}

}  // namespace
}  // namespace thalweg
