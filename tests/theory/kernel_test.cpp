// Compares the kernel's step with finite differences of the loss, and with a plain implementation of SGD.
#include <vector>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "kernels/theory.h"
#include "theory/problem.h"

namespace thalweg {
namespace {

constexpr std::int64_t kSamples = 5, kDimensions = 39, kCells = 3;  // more dimensions than a warp has lanes

// All arrays of a kernel for one data set, in float64.
struct Arrays {
  at::Tensor inputs = 0.4 * at::randn({kSamples, kDimensions}, generator(1), at::kDouble);
  at::Tensor labels = at::randn({kSamples}, generator(2), at::kDouble);
  at::Tensor target = at::randn({kDimensions}, generator(3), at::kDouble);
  at::Tensor solution = at::randn({kDimensions}, generator(4), at::kDouble);
  // Weights of norm below 1, so that no rate diverges for any gamma.
  at::Tensor weights = 0.13 * at::randn({kCells, kDimensions}, generator(5), at::kDouble);
  at::Tensor rates, measures = at::zeros({kCells, 4}, at::kDouble);

  static at::Generator generator(std::uint64_t seed) { return at::detail::createCPUGenerator(seed); }

  void run(double gamma, std::int64_t steps, std::int64_t batch, double noise) {
    rates = at::zeros({steps, kTheoryPad}, at::kDouble);
    for (std::int64_t c = 0; c < kCells; ++c) rates.select(1, c).fill_(0.01 * static_cast<double>(c + 1));
    TheoryArgs<double> args;
    args.num_sets = 1;
    args.num_cells = kCells;
    args.num_samples = kSamples;
    args.dimensions = kDimensions;
    args.gamma = gamma;
    args.inputs = inputs.data_ptr<double>();
    args.labels = labels.data_ptr<double>();
    args.target = target.data_ptr<double>();
    args.solution = solution.data_ptr<double>();
    args.weights = weights.data_ptr<double>();
    args.rates = rates.data_ptr<double>();
    args.rate_stride = kTheoryPad;
    args.num_steps = steps;
    args.batch = batch;
    args.noise = noise;
    args.seed = 11;
    args.measures = reinterpret_cast<TheoryMeasure<double>*>(measures.data_ptr<double>());
    run_theory_cpu(args);
  }
};

double loss(const at::Tensor& w, const at::Tensor& x, const at::Tensor& y, double gamma) {
  return ((x.mv(theory_u(w, gamma)) - y).square().mean() / 2).item<double>();
}

class TheoryKernel : public testing::TestWithParam<double> {};

TEST_P(TheoryKernel, AStepOverAllSamplesIsTheGradientByDifferences) {
  Arrays arrays;
  const at::Tensor before = arrays.weights.clone();
  arrays.run(GetParam(), 1, 0, 0);
  for (std::int64_t c = 0; c < kCells; ++c) {
    for (std::int64_t k = 0; k < kDimensions; ++k) {
      at::Tensor up = before[c].clone(), down = before[c].clone();
      up[k] += 1e-5;
      down[k] -= 1e-5;
      const double slope =
          (loss(up, arrays.inputs, arrays.labels, GetParam()) - loss(down, arrays.inputs, arrays.labels, GetParam())) /
          2e-5;
      const double step = (before[c][k] - arrays.weights[c][k]).item<double>() / (0.01 * static_cast<double>(c + 1));
      EXPECT_NEAR(step, slope, 1e-7 * (1 + std::abs(slope))) << "cell " << c << " element " << k;  // error of h^2
    }
  }
}

TEST_P(TheoryKernel, StepsAreThoseOfSgdWrittenOut) {
  Arrays arrays;
  at::Tensor slow = arrays.weights.clone();
  arrays.run(GetParam(), 40, 3, 0.1);
  for (std::int64_t c = 0; c < kCells; ++c) {
    at::Tensor w = slow[c].clone();
    for (std::int64_t step = 0; step < 40; ++step) {
      at::Tensor gradient = at::zeros_like(w);
      for (std::int64_t b = 0; b < 3; ++b) {
        const TheoryDraw draw = draw_theory(11, step, b, 3, kSamples, 0.1);
        const at::Tensor x = arrays.inputs[draw.sample];
        const double norm = w.norm().item<double>(), p = w.dot(x).item<double>();
        const double scale = std::pow(norm, GetParam());
        const double r = scale * p - arrays.labels[draw.sample].item<double>() - draw.noise;
        gradient += r * (scale * x + GetParam() * std::pow(norm, GetParam() - 2) * p * w) / 3;
      }
      w = w - 0.01 * static_cast<double>(c + 1) * gradient;
    }
    EXPECT_TRUE(at::allclose(arrays.weights[c], w, 1e-10, 1e-12)) << "cell " << c;  // float64, 40 steps
  }
}

TEST_P(TheoryKernel, MeasuresAreTheLossRiskNormAndDistance) {
  Arrays arrays;
  arrays.run(GetParam(), 0, 1, 0);
  for (std::int64_t c = 0; c < kCells; ++c) {
    const at::Tensor w = arrays.weights[c], m = arrays.measures[c];
    EXPECT_NEAR(m[0].item<double>(), loss(w, arrays.inputs, arrays.labels, GetParam()), 1e-10);
    EXPECT_NEAR(m[1].item<double>(), w.square().sum().item<double>(), 1e-12);
    EXPECT_NEAR(m[2].item<double>(), ((theory_u(w, GetParam()) - arrays.target).square().sum() / 2).item<double>(),
                1e-10);
    EXPECT_NEAR(m[3].item<double>(), (w - arrays.solution).square().sum().item<double>(), 1e-12);
  }
}

INSTANTIATE_TEST_SUITE_P(Gamma, TheoryKernel, testing::Values(0.0, 0.7, 1.0, 2.0, 3.0));

TEST(TheoryDraws, SamplesAreSpreadEvenlyAndNoiseIsStandardNormal) {
  std::vector<int> counts(4);
  double sum = 0, squares = 0;
  constexpr int kDraws = 40'000;
  for (int step = 0; step < kDraws; ++step) {
    const TheoryDraw draw = draw_theory(5, step, 0, 1, 4, 1);
    ++counts[static_cast<std::size_t>(draw.sample)];
    sum += draw.noise;
    squares += draw.noise * draw.noise;
  }
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 4, 400);  // over four standard deviations
  EXPECT_NEAR(sum / kDraws, 0, 0.02);
  EXPECT_NEAR(squares / kDraws, 1, 0.03);
}

TEST(TheoryDraws, GradientDescentTakesEverySampleOnce) {
  for (std::int64_t place = 0; place < 4; ++place) {
    EXPECT_EQ(draw_theory(5, 9, place, 0, 4, 0).sample, place);
    EXPECT_EQ(draw_theory(5, 9, place, 0, 4, 1).sample, place);
  }
}

}  // namespace
}  // namespace thalweg
