// A point's values do not depend on how the work is divided among threads, concurrent points and batches of images.
#include <cmath>

#include <gtest/gtest.h>

#include <ATen/Parallel.h>

#include "base/device.h"
#include "landscape/plane_problem.h"
#include "landscape/split_summary.h"
#include "nn/evaluate.h"
#include "nn/materialise.h"

namespace thalweg {
namespace {

// Called before any matrix product, as in the program.
const bool kFixedSums = (use_fixed_sums(), true);

class DivisionOfWork : public testing::TestWithParam<const char*> {
 protected:
  ~DivisionOfWork() override { set_num_threads(threads_); }

  // The losses of two points, computed with `threads` threads.
  std::vector<ImageLosses> with_threads(int threads, at::ScalarType type) const {
    set_num_threads(threads);
    PointEvaluator evaluator = problem_.evaluator(type);
    std::vector<ImageLosses> out;
    for (const PlaneCoordinates& point : {kPoints[1], kPoints[2]}) out.push_back(at_point(evaluator, point, 0));
    return out;
  }

  void expect_same_means(at::ScalarType type, double tolerance) const {
    const std::vector<ImageLosses> one = with_threads(1, type);
    for (const int threads : {2, 3}) {
      const std::vector<ImageLosses> several = with_threads(threads, type);
      for (std::size_t k = 0; k < one.size(); ++k) {
        const double expected = mean_loss(one[k]);
        EXPECT_NEAR(mean_loss(several[k]), expected, tolerance * expected) << threads << " threads";
      }
    }
  }

  int threads_ = at::get_num_threads();
  PlaneProblem problem_{GetParam()};
};

TEST_P(DivisionOfWork, OverThreadsMovesNoLossInFloat32) {
  expect_same_means(at::kFloat, 1e-6);
}

// A float32 sum in another order may round to a different bfloat16, which changes an activation by 2^-8 of its value.
// This is rare, goes in both directions, and affects the mean of 140 images far less.
TEST_P(DivisionOfWork, OverThreadsMovesNoLossInBfloat16ByMoreThanRareRoundings) {
  expect_same_means(at::kBFloat16, 1e-4);
}

TEST_P(DivisionOfWork, OverPointsChangesNoBit) {
  PointEvaluator evaluator = problem_.evaluator(at::kFloat);
  std::vector<ImageLosses> alone;
  for (const PlaneCoordinates& point : kPoints) alone.push_back(at_point(evaluator, point, 0));
  for (const std::size_t at_once : {2, 5}) {
    for (std::size_t begin = 0; begin < kPoints.size(); begin += at_once) {
      const std::size_t end = std::min(begin + at_once, kPoints.size());
      evaluator.prepare(
          {kPoints.begin() + static_cast<std::ptrdiff_t>(begin), kPoints.begin() + static_cast<std::ptrdiff_t>(end)});
      for (std::size_t i = begin; i < end; ++i) {
        evaluator.use(i - begin);
        expect_equal(evaluator.evaluate(evaluator.splits()[0]), alone[i]);
      }
    }
  }
}

TEST_P(DivisionOfWork, PreparedPointsMayBeUsedInAnyOrder) {
  PointEvaluator evaluator = problem_.evaluator(at::kFloat), other = problem_.evaluator(at::kFloat);
  evaluator.prepare(kPoints);
  for (const std::size_t point : {3, 1, 1, 2}) {
    evaluator.use(point);
    expect_equal(evaluator.evaluate(evaluator.splits()[0]), at_point(other, kPoints[point], 0));
    EXPECT_TRUE(evaluator.buffers().equal(other.buffers()));
  }
}

TEST_P(DivisionOfWork, OverChunksOfImagesChangesNoBit) {
  const PointEvaluator points = problem_.evaluator(at::kFloat);
  const ImageBatches& images = points.splits()[0].images;
  Evaluator evaluator(points.program(), at::kCPU);
  const at::Tensor folded =
      PlaneMaterialiser(points.program(), {problem_.plane.origin, problem_.plane.d1, problem_.plane.d2})
          .folded(at::tensor({0.5f, -1.0f}).view({1, 2}), problem_.plane.buffers);
  evaluator.load(folded[0]);
  Network network = network_of(evaluator);
  network.chunk = images.size();
  const ImageLosses whole = to_losses(evaluate_images(images, network));
  for (const bool is_fixed : {true, false}) {
    network.fixed_chunk = is_fixed;
    for (const std::int64_t chunk : {16, 33, 125, 139}) {
      network.chunk = chunk;
      SCOPED_TRACE(chunk);
      expect_equal(to_losses(evaluate_images(images, network)), whole);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, DivisionOfWork, testing::Values("vgg11_bn", "resnet18", "resnet20", "mlp"));

}  // namespace
}  // namespace thalweg
