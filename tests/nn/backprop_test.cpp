// Compares the training executor with autograd through the reference executor, in double.
#include "nn/backprop.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "gpu.h"
#include "models/models.h"
#include "nn/eager.h"

namespace thalweg {
namespace {

using nlohmann::json;

struct Problem {
  Graph graph;
  at::Tensor weights;  // row-major
  at::Tensor buffers;
  at::Tensor images;  // [6, 3, 32, 32]
  at::Tensor labels;
};

// Norms shift their channels by many deviations (every fourth one down, the others up), so that no activation is near
// the kink of a ReLU: one that passes in only one of the executors would make a large but meaningless difference.
Problem problem_of(const json& model) {
  at::manual_seed(5);
  Problem problem{build_model(read_model_config(ConfigReader(model, "model")), {3, 32, 32}, 10), {}, {}, {}, {}};
  problem.weights = at::zeros({problem.graph.parameters.size()});
  problem.buffers = at::rand({problem.graph.buffers.size()}) + 0.5;
  const std::vector<at::Tensor> views = problem.graph.parameters.views(problem.weights);
  for (std::size_t i = 0; i < views.size(); ++i) {
    const LayoutEntry& entry = problem.graph.parameters.entries()[i];
    if (entry.role == TensorRole::kNormWeight) {
      views[i].uniform_(0.15, 0.3);
    } else if (entry.role == TensorRole::kNormBias) {
      const bool summed =
          entry.name.find("bn2") != std::string::npos || entry.name.find("shortcut") != std::string::npos;
      views[i].fill_(2.0);
      if (!summed) views[i].slice(0, 0, entry.numel, 4).fill_(-2.0);
    } else if (entry.fan_in > 0) {
      views[i].normal_(0, 1 / std::sqrt(static_cast<double>(entry.fan_in)));
    }
  }
  problem.images = at::randn({6, 3, 32, 32});
  problem.labels = at::randint(0, 10, {6}, at::kLong);
  return problem;
}

struct Outcome {
  at::Tensor logits, gradient, buffers;
};

std::vector<at::Tensor> leaves(const std::vector<at::Tensor>& views) {
  std::vector<at::Tensor> out;
  for (const at::Tensor& view : views) out.push_back(view.to(at::kDouble).set_requires_grad(true));
  return out;
}

Outcome reference(const Problem& problem) {
  Outcome out;
  out.buffers = problem.buffers.to(at::kDouble);
  const std::vector<at::Tensor> parameters = leaves(problem.graph.parameters.views(problem.weights));
  out.logits = run_eager(problem.graph, parameters, problem.graph.buffers.views(out.buffers),
                         problem.images.to(at::kDouble), NormMode::kTrain);
  at::cross_entropy_loss(out.logits, problem.labels).backward();
  std::vector<at::Tensor> flat;
  for (const at::Tensor& leaf : parameters) flat.push_back(leaf.grad().flatten());
  out.gradient = at::cat(flat);
  out.logits = out.logits.detach();
  return out;
}

// Autograd's gradient of the mean cross entropy with respect to the logits.
at::Tensor logits_gradient(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor leaf = logits.detach().clone().set_requires_grad(true);
  at::cross_entropy_loss(leaf, labels).backward();
  return leaf.grad();
}

class Executor {
 public:
  Executor(const Problem& problem, bool bf16, ConvPlans* plans = nullptr)
      : problem_(problem),
        weights_(problem.graph.parameters.to_training_order(problem.weights)),
        gradient_(at::full_like(weights_, 7.0)),
        buffers_(problem.buffers.clone()),
        backprop_(problem.graph, {weights_, gradient_, buffers_}, bf16 ? at::kBFloat16 : at::kFloat, plans) {}

  Outcome run(std::int64_t images = 6, bool update_statistics = true) {
    const at::Tensor x = problem_.images.slice(0, 0, images).contiguous(at::MemoryFormat::ChannelsLast);
    Outcome out;
    out.logits = backprop_.forward(x.to(backprop_.activation_type()), update_statistics);
    backprop_.backward(logits_gradient(out.logits, problem_.labels.slice(0, 0, images)));
    out.gradient = problem_.graph.parameters.from_training_order(gradient_);
    out.buffers = buffers_.clone();
    return out;
  }

 private:
  const Problem& problem_;
  at::Tensor weights_, gradient_, buffers_;
  Backprop backprop_;
};

double distance(const at::Tensor& a, const at::Tensor& b) {
  return at::linalg_vector_norm(a.to(at::kDouble) - b.to(at::kDouble)).item<double>();
}

double size_of(const at::Tensor& a) {
  return at::linalg_vector_norm(a.to(at::kDouble)).item<double>();
}

void expect_autograds(const Problem& problem, const Outcome& got) {
  const Outcome expected = reference(problem);
  EXPECT_LT(distance(got.logits, expected.logits), 1e-5 * size_of(expected.logits));
  EXPECT_LE(distance(got.buffers, expected.buffers), 1e-5 * size_of(expected.buffers));
  const auto views = problem.graph.parameters.views(expected.gradient);
  const auto got_views = problem.graph.parameters.views(got.gradient);
  for (std::size_t i = 0; i < views.size(); ++i) {
    // Sums over all pixels cancel if a norm subtracts the mean, so rounding is also measured against the whole
    // gradient.
    EXPECT_LT(distance(got_views[i], views[i]), 1e-4 * size_of(views[i]) + 1e-5 * size_of(expected.gradient))
        << problem.graph.parameters.entries()[i].name;
  }
}

class BackpropTest : public testing::TestWithParam<const char*> {
 protected:
  Problem problem_ = problem_of(json::parse(GetParam()));
};

TEST_P(BackpropTest, EqualsAutograd) {
  expect_autograds(problem_, Executor(problem_, false).run());
}

TEST_P(BackpropTest, GivesTheSameBitsWhateverWasComputedBefore) {
  Executor fresh(problem_, false), used(problem_, false);
  const Outcome expected = fresh.run();
  used.run(4, false);
  const Outcome got = used.run();
  EXPECT_TRUE(at::equal(got.logits, expected.logits));
  EXPECT_TRUE(at::equal(got.gradient, expected.gradient));
  EXPECT_TRUE(at::equal(got.buffers, expected.buffers));
}

TEST_P(BackpropTest, LeavesTheStatisticsAloneWhenTold) {
  const Outcome got = Executor(problem_, false).run(6, false);
  EXPECT_TRUE(at::equal(got.buffers, problem_.buffers));
}

// bfloat16 has 8 bits: each layer rounds by some thousandths, which add up over many layers.
TEST_P(BackpropTest, IsNearInBfloat16) {
  const Outcome expected = reference(problem_);
  const Outcome got = Executor(problem_, true).run();
  EXPECT_LT(distance(got.logits, expected.logits), 0.05 * size_of(expected.logits));
  EXPECT_LT(distance(got.gradient, expected.gradient), 0.2 * size_of(expected.gradient));
  EXPECT_GT(distance(got.logits, expected.logits), 1e-6 * size_of(expected.logits));
}

constexpr const char* kNetworks[] = {R"({"name": "mlp", "hidden": [20, 10]})", R"({"name": "vgg11", "width": 0.25})",
                                     R"({"name": "vgg11_bn", "width": 0.25})", R"({"name": "resnet20", "width": 0.25})",
                                     R"({"name": "resnet18", "width": 0.125})"};

INSTANTIATE_TEST_SUITE_P(Networks, BackpropTest, testing::ValuesIn(kNetworks));

// The same on a GPU, with convolutions by plans and by LibTorch.
class CudaBackprop : public BackpropTest {
 protected:
  void SetUp() override {
    THALWEG_NEED_GPU();
    on_gpu_ = problem_;
    for (at::Tensor Problem::*tensor : {&Problem::weights, &Problem::buffers, &Problem::images, &Problem::labels})
      on_gpu_.*tensor = (on_gpu_.*tensor).to(at::kCUDA);
  }
  static Outcome on_cpu(const Outcome& outcome) {
    return {outcome.logits.cpu(), outcome.gradient.cpu(), outcome.buffers.cpu()};
  }
  Problem on_gpu_;
};

TEST_P(CudaBackprop, ByPlansEqualsAutograd) {
  ConvPlans plans = ConvPlans::on_current_gpu({.tune = true});
  expect_autograds(problem_, on_cpu(Executor(on_gpu_, false, &plans).run()));
}

TEST_P(CudaBackprop, ByLibTorchEqualsAutograd) {
  expect_autograds(problem_, on_cpu(Executor(on_gpu_, false).run()));
}

// Both round to 8 bits in the same places, but sum in different orders; the tolerances are those for a CPU.
TEST_P(CudaBackprop, ByPlansIsNearLibTorchInBfloat16) {
  ConvPlans plans = ConvPlans::on_current_gpu({.tune = true});
  const Outcome expected = Executor(on_gpu_, true).run();
  const Outcome got = Executor(on_gpu_, true, &plans).run();
  EXPECT_LT(distance(got.logits, expected.logits), 0.05 * size_of(expected.logits));
  EXPECT_LT(distance(got.gradient, expected.gradient), 0.2 * size_of(expected.gradient));
  EXPECT_LT(distance(got.buffers, expected.buffers), 0.05 * size_of(expected.buffers));
}

INSTANTIATE_TEST_SUITE_P(Networks, CudaBackprop, testing::ValuesIn(kNetworks));

}  // namespace
}  // namespace thalweg
