#include "nn/first_layer.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "models/models.h"
#include "nn/evaluator.h"
#include "nn/init.h"
#include "nn/materialise.h"

namespace thalweg {
namespace {

// A plane of a small network, and 300 random images.
struct Problem {
  Graph graph;
  Program program;
  PlaneVectors plane;
  ImageBatches images;

  explicit Problem(const std::string& model, std::vector<std::int64_t> hidden = {12}) : images(random_images()) {
    ModelConfig config;
    config.name = model;
    if (model != "mlp") config.width = 0.25;
    config.hidden = std::move(hidden);
    graph = build_model(config, {3, 32, 32}, 10);
    program = compile(graph);
    auto generator = at::detail::createCPUGenerator(5);
    const at::Tensor origin = initial_weights(graph, 3) + 0.01 * at::randn({graph.parameters.size()}, generator);
    plane = {origin, 0.05 * at::randn(origin.sizes(), generator), 0.05 * at::randn(origin.sizes(), generator)};
  }

  static ImageBatches random_images() {
    auto generator = at::detail::createCPUGenerator(11);
    return {at::randint(0, 256, {300, 3, 32, 32}, generator).to(at::kByte),
            at::randint(0, 10, {300}, generator),
            {0.5, 0.4, 0.3},
            {0.2, 0.25, 0.3},
            at::kCPU};
  }

  at::Tensor logits_at(Evaluator& evaluator, float x, float y) const {
    const PlaneMaterialiser materialiser(program, plane);
    evaluator.load(materialiser.folded(at::tensor({x, y}).view({1, 2}), initial_buffers(graph))[0]);
    return evaluator.logits(images.range(0, images.size(), at::kFloat, at::MemoryFormat::Contiguous));
  }
};

TEST(FirstLayer, GivesTheEvaluatorsLogitsAtEveryPoint) {
  for (const std::vector<std::int64_t>& hidden : {std::vector<std::int64_t>{}, {12}, {20, 8}}) {
    const Problem problem("mlp", hidden);
    const std::int64_t units = hidden.empty() ? 10 : hidden[0];
    const std::optional<FirstLayer::Size> size = FirstLayer::size_of(problem.program);
    ASSERT_TRUE(size);
    EXPECT_EQ(size->units, units);
    EXPECT_EQ(size->inputs, 3072);
    const FirstLayer layer(problem.program, problem.plane);
    EXPECT_EQ(layer.size().units, units);
    EXPECT_EQ(layer.size().macs(), units * 3072);
    FirstLayerParts parts(layer, problem.images);
    parts.make_all();
    Evaluator evaluator(problem.program, at::kCPU);
    for (const auto& [x, y] : {std::pair(0.0f, 0.0f), {1.0f, 0.0f}, {0.0f, 1.0f}, {-0.7f, 2.5f}}) {
      const at::Tensor expected = problem.logits_at(evaluator, x, y);
      const at::Tensor got = evaluator.logits_after(FirstLayer::kSteps, layer.sum(parts.parts(), x, y));
      EXPECT_LT((got - expected).abs().max().item<double>(), 1e-5 * expected.abs().max().item<double>());
    }
  }
}

TEST(FirstLayer, KeepsValuesThatAreNotFinite) {
  const Problem problem("mlp");
  const FirstLayer layer(problem.program, problem.plane);
  const at::Tensor parts = at::ones({2, 3 * layer.size().units});
  parts[0][0] = std::numeric_limits<float>::quiet_NaN();
  parts[1][0] = std::numeric_limits<float>::infinity();
  const at::Tensor sum = layer.sum(parts, 1, 1);
  EXPECT_TRUE(at::isnan(sum[0][0]).item<bool>());
  EXPECT_TRUE(at::isinf(sum[1][0]).item<bool>());
  EXPECT_EQ(sum[0][1].item<float>(), 3);
  EXPECT_EQ(layer.sum(-parts, 1, 1)[1][1].item<float>(), 0);  // the ReLU
}

TEST(FirstLayer, PartsDependOnNoOtherImages) {
  const Problem problem("mlp", {20, 8});
  const FirstLayer layer(problem.program, problem.plane);
  FirstLayerParts whole(layer, problem.images), some(layer, problem.images);
  whole.make_all();
  some.make({7});
  some.make({299, 7, 0, 0, 3});
  for (const std::int64_t image : {7, 299, 0, 3}) EXPECT_TRUE(some.parts()[image].equal(whole.parts()[image])) << image;
  some.make_all();
  EXPECT_TRUE(some.parts().equal(whole.parts()));
}

TEST(FirstLayer, IsThatOfNoConvolutionalNetwork) {
  for (const char* model : {"vgg11", "vgg11_bn", "resnet20", "resnet18"}) {
    const Problem problem(model);
    EXPECT_FALSE(FirstLayer::size_of(problem.program)) << model;
  }
}

}  // namespace
}  // namespace thalweg
