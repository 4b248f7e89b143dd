// Compares Lanczos with power iteration on autograd's exact Hessian-vector products, in double.
#include "train/sharpness.h"

#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "models/models.h"
#include "nn/eager.h"
#include "nn/init.h"

namespace thalweg {
namespace {

constexpr std::int64_t kImages = 24;

struct Problem {
  Graph graph;
  Weights weights;
  at::Tensor pixels, labels;
  ImageBatches images;
};

Problem problem_of(const char* model) {
  at::manual_seed(3);
  Graph graph = build_model(read_model_config(ConfigReader(nlohmann::json::parse(model), "model")), {3, 32, 32}, 10);
  Weights weights{initial_weights(graph, 2), initial_buffers(graph)};
  const at::Tensor pixels = at::randint(0, 256, {kImages, 3, 32, 32}, at::kByte);
  const at::Tensor labels = at::randint(0, 10, {kImages}, at::kLong);
  ImageBatches images(pixels, labels, {0.5, 0.5, 0.5}, {0.25, 0.25, 0.25}, at::kCPU);
  return {std::move(graph), std::move(weights), pixels, labels, std::move(images)};
}

at::Tensor flat(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> parts;
  for (const at::Tensor& t : tensors) parts.push_back(t.flatten());
  return at::cat(parts);
}

// The largest eigenvalue of H, found by power iteration on H + shift I.
double exact_eigenvalue(const Problem& problem, double shift) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& view : problem.graph.parameters.views(problem.weights.weights))
    leaves.push_back(view.to(at::kDouble).set_requires_grad(true));
  const at::Tensor buffers = problem.weights.buffers.to(at::kDouble);
  const at::Tensor x = problem.images.range(0, kImages).to(at::kDouble);
  const at::Tensor loss = at::cross_entropy_loss(
      run_eager(problem.graph, leaves, problem.graph.buffers.views(buffers), x, NormMode::kTrain), problem.labels);
  const at::Tensor gradient = flat(torch::autograd::grad({loss}, leaves, {}, true, true));
  at::Tensor v = at::randn(gradient.sizes(), gradient.options());
  v = v / at::linalg_vector_norm(v);
  double eigenvalue = 0;
  for (int k = 0; k < 150; ++k) {
    const at::Tensor product = flat(torch::autograd::grad({at::dot(gradient, v)}, leaves, {}, true)) + shift * v;
    eigenvalue = at::dot(v, product).item<double>() - shift;
    v = product / at::linalg_vector_norm(product);
  }
  return eigenvalue;
}

class SharpnessTest : public testing::TestWithParam<const char*> {};

TEST_P(SharpnessTest, IsTheHessiansLargestEigenvalue) {
  const Problem problem = problem_of(GetParam());
  const double first = exact_eigenvalue(problem, 0);
  const double exact = first < 0 ? exact_eigenvalue(problem, -first) : first;
  ASSERT_GT(exact, 0);
  const Sharpness got = measure_sharpness(problem.graph, problem.images, problem.weights,
                                          {.images = kImages, .batch = kImages, .iterations = 60, .tolerance = 1e-3});
  EXPECT_TRUE(got.converged);
  EXPECT_NEAR(got.eigenvalue, exact, 0.03 * exact);
  // Whatever the initial direction: no value that rests below the largest is taken for it.
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    const Sharpness other = measure_sharpness(problem.graph, problem.images, problem.weights,
                                              {.images = kImages, .batch = kImages, .seed = seed});
    EXPECT_TRUE(other.converged);
    EXPECT_NEAR(other.eigenvalue, exact, 0.02 * exact) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, SharpnessTest,
                         testing::Values(R"({"name": "mlp", "hidden": [16]})",
                                         R"({"name": "vgg11_bn", "width": 0.03125})"));

TEST(Sharpness, IsTheMeanOverBatches) {
  // Without batch norm it does not matter how images are divided into batches.
  const Problem problem = problem_of(R"({"name": "mlp", "hidden": [16]})");
  SharpnessConfig config{.images = kImages, .batch = kImages, .iterations = 60, .tolerance = 1e-4};
  const double whole = measure_sharpness(problem.graph, problem.images, problem.weights, config).eigenvalue;
  config.batch = 7;
  EXPECT_NEAR(measure_sharpness(problem.graph, problem.images, problem.weights, config).eigenvalue, whole,
              0.01 * whole);
}

TEST(Sharpness, IsNaNWhereTheGradientIs) {
  Problem problem = problem_of(R"({"name": "mlp", "hidden": [16]})");
  problem.weights.weights.fill_(NAN);
  const Sharpness got = measure_sharpness(problem.graph, problem.images, problem.weights, {.images = kImages});
  EXPECT_TRUE(std::isnan(got.eigenvalue));
  EXPECT_FALSE(got.converged);
}

}  // namespace
}  // namespace thalweg
