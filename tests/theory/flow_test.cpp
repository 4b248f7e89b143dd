#include "theory/flow.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "base/stop.h"
#include "tests/theory/fixture.h"
#include "theory/landscape.h"

namespace thalweg {
namespace {

const std::vector<std::int64_t> kSteps = {0, 1, 50, 100, 150, 300};

std::vector<std::vector<FlowPoint>> small_flows() {
  const TheoryConfig config = small_config({{"gamma", 0}});
  return mean_flows(make_problems(config), make_cells(config), kSteps);
}

TEST(TheoryFlow, OfACellIsTheMeanOverDataSetsAtTheSumOfItsRates) {
  const TheoryConfig config = small_config({{"gamma", 0}});
  const auto problems = make_problems(config);
  const auto flows = small_flows();
  ASSERT_EQ(flows.size(), 9u);
  // The cell with the last rate, 0.01, which falls to a tenth at step 100.
  const at::Tensor s = at::tensor({0.0, 0.01, 0.5, 1.0, 1.05, 1.2}, at::kDouble);
  for (std::size_t r = 0; r < kSteps.size(); ++r) {
    FlowPoint mean;
    for (const TheoryProblem& problem : problems) {
      const at::Tensor w = GradientFlow(problem).weights(s)[static_cast<std::int64_t>(r)];
      const TheoryLosses losses = theory_losses(problem, w.unsqueeze(0));
      mean.train_loss += losses.train.item<double>() / 2;
      mean.test_risk += losses.test.item<double>() / 2;
      mean.norm += w.norm().item<double>() / 2;
    }
    EXPECT_NEAR(flows[7][r].train_loss, mean.train_loss, 1e-12);
    EXPECT_NEAR(flows[7][r].test_risk, mean.test_risk, 1e-12);
    EXPECT_NEAR(flows[7][r].norm, mean.norm, 1e-12);
  }
}

TEST(TheoryFlow, StopsWhereAStopWasAskedFor) {
  request_stop();
  EXPECT_THROW(small_flows(), Stopped);
  request_stop(false);
}

}  // namespace
}  // namespace thalweg
