#include "nn/evaluator.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "models/models.h"
#include "nn/eager.h"
#include "nn/init.h"
#include "nn/materialise.h"

namespace thalweg {
namespace {

// Weights and batch-norm statistics that differ in every channel, because initial ones would hide a wrong fold.
struct Sample {
  Graph graph;
  at::Tensor weights;
  at::Tensor buffers;
  at::Tensor images;

  explicit Sample(const ModelConfig& config, std::int64_t num_images = 5)
      : graph(build_model(config, {3, 32, 32}, 10)),
        weights(initial_weights(graph, 7)),
        buffers(initial_buffers(graph)),
        images(at::randn({num_images, 3, 32, 32}, at::detail::createCPUGenerator(11))) {
    auto generator = at::detail::createCPUGenerator(13);
    weights += 0.05 * at::randn({weights.size(0)}, generator);
    buffers += 0.3 * at::rand({buffers.size(0)}, generator);
  }

  at::Tensor eager() const {
    const at::NoGradGuard no_grad;
    return run_eager(graph, graph.parameters.views(weights), graph.buffers.views(buffers), images, NormMode::kEval);
  }
};

class EveryModel : public testing::TestWithParam<std::string> {};

TEST_P(EveryModel, CompiledEqualsEager) {
  ModelConfig config;
  config.name = GetParam();
  config.width = config.name.starts_with("resnet1") || config.name.starts_with("vgg") ? 0.25 : 1.0;
  config.hidden = {40, 30};
  const Sample sample(config);
  Evaluator evaluator(compile(sample.graph), at::kCPU);
  evaluator.load(fold_weights(evaluator.program(), sample.weights, sample.buffers));
  const at::Tensor expected = sample.eager();
  const at::Tensor got = evaluator.logits(sample.images);
  ASSERT_EQ(got.sizes(), expected.sizes());
  // Float32 rounding through up to 110 layers: 1e-4 of the largest logit.
  const double scale = expected.abs().max().item<double>();
  EXPECT_GT(scale, 0);
  EXPECT_LT((got - expected).abs().max().item<double>(), 1e-4 * scale);
}

INSTANTIATE_TEST_SUITE_P(Models, EveryModel, testing::ValuesIn(model_names()),
                         [](const auto& param) { return param.param; });

TEST(Evaluator, ShowsOverflowAsTheReferenceDoes) {
  ModelConfig config;
  config.name = "vgg11_bn";
  config.width = 0.125;
  Sample sample(config);
  sample.weights.narrow(0, 0, 1000).fill_(1e30f);
  sample.weights.narrow(0, 2000, 1000).fill_(-1e30f);
  Evaluator evaluator(compile(sample.graph), at::kCPU);
  evaluator.load(fold_weights(evaluator.program(), sample.weights, sample.buffers));
  const at::Tensor finite = at::isfinite(sample.eager());
  EXPECT_FALSE(finite.all().item<bool>());
  EXPECT_TRUE(at::equal(at::isfinite(evaluator.logits(sample.images)), finite));
}

TEST(Evaluator, GivesTheLossesOfItsLogits) {
  for (const char* model : {"vgg11_bn", "resnet20", "mlp"}) {
    ModelConfig config;
    config.name = model;
    config.width = 0.125;
    config.hidden = {40, 30};
    const Sample sample(config);
    Evaluator evaluator(compile(sample.graph), at::kCPU);
    evaluator.load(fold_weights(evaluator.program(), sample.weights, sample.buffers));
    const at::Tensor labels = at::tensor({9, 0, 3}, at::kLong);  // of the first images
    const ImageValues got = empty_values(3, labels.options()), expected = empty_values(3, labels.options());
    evaluator.losses(sample.images, labels, got);
    image_losses(evaluator.logits(sample.images), labels, expected);
    EXPECT_TRUE(at::allclose(got.losses, expected.losses, 1e-5, 1e-5)) << model;
    EXPECT_TRUE(at::equal(got.correct, expected.correct));
    EXPECT_TRUE(at::allclose(got.margins, expected.margins, 1e-4, 1e-5));
  }
}

TEST(Evaluator, NotesActivationsBeyondALimit) {
  ModelConfig config;
  config.name = "resnet20";
  const Sample sample(config);
  for (const at::ScalarType type : {at::kFloat, at::kHalf}) {
    Evaluator evaluator(compile(sample.graph), at::kCPU, type);
    evaluator.load(fold_weights(evaluator.program(), sample.weights, sample.buffers));
    const at::Tensor labels = at::zeros({5}, at::kLong);
    const ImageValues values = empty_values(5, labels.options());
    for (const auto& [limit, beyond] : {std::pair{1e4f, 0}, {1e-2f, 1}}) {
      const Evaluator::Watch watch{at::zeros({1}, at::kInt), limit};
      evaluator.losses(sample.images.to(type), labels, values, &watch);
      EXPECT_EQ(watch.flag.item<int>(), beyond);
    }
  }
}

TEST(Program, FusesBatchNormReluAndResidualAdd) {
  ModelConfig config;
  config.name = "resnet18";
  const Program program = compile(build_model(config, {3, 32, 32}, 10));
  int convolutions = 0, fused_adds = 0;
  for (const Step& step : program.steps) {
    convolutions += step.kind == StepKind::kConv;
    fused_adds += step.kind == StepKind::kConv && step.other >= 0 && step.relu;
    EXPECT_NE(step.kind, StepKind::kAdd);
    EXPECT_NE(step.kind, StepKind::kRelu);
  }
  EXPECT_EQ(convolutions, 20);
  EXPECT_EQ(fused_adds, 8);
}

TEST(PlaneMaterialiser, FoldsEachPointAsIfItWereAlone) {
  ModelConfig config;
  config.name = "resnet20";
  config.shortcut = "B";
  const Sample sample(config);
  const Program program = compile(sample.graph);
  auto generator = at::detail::createCPUGenerator(3);
  const at::Tensor d1 = at::randn({sample.weights.size(0)}, generator) * 0.01;
  const at::Tensor d2 = at::randn({sample.weights.size(0)}, generator) * 0.01;
  const PlaneMaterialiser plane(program, {sample.weights, d1, d2});
  const at::Tensor coordinates = at::tensor({0.5f, -1.0f, 0.0f, 0.0f, -2.0f, 0.25f}).view({3, 2});
  const at::Tensor batched = plane.folded(coordinates, sample.buffers);
  const at::Tensor weights = plane.weights(coordinates);
  for (std::int64_t p = 0; p < 3; ++p) {
    const double a = coordinates[p][0].item<double>();
    const double b = coordinates[p][1].item<double>();
    const at::Tensor expected = sample.weights + a * d1 + b * d2;
    EXPECT_TRUE(at::allclose(weights[p], expected, 1e-6, 1e-7));
    EXPECT_TRUE(at::equal(batched[p], plane.folded(coordinates.narrow(0, p, 1), sample.buffers)[0]));
    EXPECT_TRUE(at::equal(batched[p], fold_weights(program, weights[p].contiguous(), sample.buffers)));
  }
}

TEST(PlaneMaterialiser, TakesBuffersOfEachPoint) {
  ModelConfig config;
  config.name = "vgg11_bn";
  config.width = 0.125;
  const Sample sample(config);
  const Program program = compile(sample.graph);
  const PlaneMaterialiser plane(program, {sample.weights, sample.weights, sample.weights});
  const at::Tensor coordinates = at::zeros({2, 2});
  const at::Tensor other = sample.buffers * 1.5 + 0.1;
  const at::Tensor folded = plane.folded(coordinates, at::stack({sample.buffers, other}));
  EXPECT_TRUE(at::equal(folded[0], fold_weights(program, sample.weights, sample.buffers)));
  EXPECT_TRUE(at::equal(folded[1], fold_weights(program, sample.weights, other)));
  EXPECT_FALSE(at::equal(folded[0], folded[1]));
}

TEST(EstimateBatchNorm, GivesTheStatisticsOfTheBatch) {
  ModelConfig config;
  config.name = "vgg11_bn";
  config.width = 0.125;
  Sample sample(config, 16);
  estimate_batch_norm(sample.graph, sample.weights, sample.buffers, sample.images);
  // The first layer by hand: a convolution, then the mean and unbiased variance over images and pixels.
  const auto views = sample.graph.parameters.views(sample.weights);
  const at::Tensor y = at::conv2d(sample.images, views[0], views[1], 1, 1);
  const auto buffers = sample.graph.buffers.views(sample.buffers);
  EXPECT_TRUE(at::allclose(buffers[0], y.mean({0, 2, 3}), 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(buffers[1], y.var({0, 2, 3}, /*unbiased=*/true), 1e-4, 1e-5));
}

}  // namespace
}  // namespace thalweg
