// The points of a map of an MLP share the work of its first layer (landscape/plain_points.h).
#include <gtest/gtest.h>

#include "gpu.h"
#include "landscape/plane_problem.h"
#include "landscape/split_summary.h"

namespace thalweg {
namespace {

class SharedFirstLayer : public testing::Test {
 protected:
  std::unique_ptr<PointEvaluator> evaluator(double points, at::ScalarType type = at::kFloat) const {
    return std::make_unique<PointEvaluator>(
        PointEvaluator::Source{problem_.plane, problem_.graph, problem_.data, at::kCPU, {}, points}, problem_.config,
        type);
  }

  PlaneProblem problem_{"mlp"};
};

TEST_F(SharedFirstLayer, ChangesNoLossByMoreThanRounding) {
  for (const auto& [type, tolerance] : {std::pair(at::kFloat, 1e-6), {at::kBFloat16, 1e-2}}) {
    const auto alone = evaluator(0), sharing = evaluator(100, type);
    EXPECT_EQ(alone->shared_macs(), 0);
    EXPECT_EQ(sharing->shared_macs(), 3072 * 24 / 8);
    for (const PlaneCoordinates& point : kPoints) {
      for (const std::size_t split : {0, 1}) {
        const double expected = mean_loss(at_point(*alone, point, split));
        EXPECT_NEAR(mean_loss(at_point(*sharing, point, split)), expected, tolerance * expected);
      }
    }
  }
}

TEST_F(SharedFirstLayer, GivesNamedImagesTheLossesThatTheyHaveAmongAll) {
  const auto named = evaluator(100), whole = evaluator(100);
  const std::vector<std::int64_t> images = {139, 3, 77, 3};
  for (const PlaneCoordinates& point : kPoints) {
    named->prepare({point});
    named->use(0);
    const ImageLosses some = named->evaluate(named->splits()[0], images), all = at_point(*whole, point, 0);
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto image = static_cast<std::size_t>(images[i]);
      EXPECT_NEAR(some.losses[i], all.losses[image], 1e-6);
      EXPECT_NEAR(some.margins[i], all.margins[image], 1e-6);
    }
  }
}

// All images are evaluated at the reference point alone, for which computing their parts would not pay off.
TEST_F(SharedFirstLayer, IsNotUsedForTheReferenceOfASampledMap) {
  problem_.config.images = 20;
  const auto sharing = evaluator(100), alone = evaluator(0);
  expect_equal(at_point(*sharing, kPoints[1], 0), at_point(*alone, kPoints[1], 0));
}

TEST_F(SharedFirstLayer, IsNotUsedForAFewPoints) {
  EXPECT_EQ(evaluator(3)->shared_macs(), 0);
  EXPECT_GT(evaluator(4)->shared_macs(), 0);
}

// Reported as skipped without a GPU.
TEST(CudaSharedFirstLayer, GivesTheCpusLosses) {
  THALWEG_NEED_GPU();
  const PlaneProblem problem("mlp");
  const auto evaluator = [&](c10::Device device, double points) {
    return std::make_unique<PointEvaluator>(
        PointEvaluator::Source{problem.plane, problem.graph, problem.data, device, {}, points}, problem.config,
        at::kFloat);
  };
  const auto sharing = evaluator(kGpu, 100), on_cpu = evaluator(at::kCPU, 0);
  for (const PlaneCoordinates& point : kPoints) {
    const double expected = mean_loss(at_point(*on_cpu, point, 0));
    EXPECT_NEAR(mean_loss(at_point(*sharing, point, 0)), expected, 1e-5 * expected);
    const ImageLosses all = at_point(*sharing, point, 0), some = sharing->evaluate(sharing->splits()[0], {139, 3});
    EXPECT_NEAR(some.losses[0], all.losses[139], 1e-5 * all.losses[139]);
    EXPECT_NEAR(some.losses[1], all.losses[3], 1e-5 * all.losses[3]);
  }
}

// The weights for 3 inputs and the parts of 160 images, of more units than 1 GiB holds.
TEST_F(SharedFirstLayer, IsNotUsedWhereItsPartsAreTooLarge) {
  const auto shared_macs = [&](std::int64_t units) {
    ModelConfig model;
    model.name = "mlp";
    model.hidden = {units};
    problem_.graph = build_model(model, {3, 1, 1}, 10);
    problem_.plane = start_plane(problem_.graph);
    problem_.plane.d1 = problem_.plane.d2 = at::zeros_like(problem_.plane.origin);
    return evaluator(100)->shared_macs();
  };
  EXPECT_EQ(shared_macs(548947), 3 * 548947);
  EXPECT_EQ(shared_macs(548948), 0);
}

}  // namespace
}  // namespace thalweg
