#include "train/step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <ATen/ATen.h>

#include "base/memory.h"
#include "gpu.h"
#include "models/models.h"
#include "nn/eager.h"
#include "nn/init.h"

namespace thalweg {
namespace {

Graph network(const std::string& name, double width = 0.25) {
  ModelConfig model;
  model.name = name;
  model.width = width;
  model.hidden = {16};
  return build_model(model, {3, 32, 32}, 10);
}

ImageBatches images(std::int64_t count, c10::Device device = at::kCPU) {
  auto generator = at::detail::createCPUGenerator(29);
  return {at::randint(0, 256, {count, 3, 32, 32}, generator).to(at::kByte),
          at::randint(0, 10, {count}, generator),
          {0.5, 0.5, 0.5},
          {0.25, 0.25, 0.25},
          device};
}

TrainConfig config_of(std::int64_t batch) {
  TrainConfig config;
  config.batch = batch;
  config.augment = {2, true, 0};
  return config;
}

TrainState start_of(const Graph& graph) {
  return fresh_state(initial_weights(graph, 3), initial_buffers(graph));
}

double norm_of(const at::Tensor& a) {
  return at::linalg_vector_norm(a.to(at::kDouble)).item<double>();
}

// With a rate of zero all batches use the initial weights, so the order of the images does not matter.
TEST(TrainStepTest, CountsTheRightAnswersThatEagerArithmeticGives) {
  const Graph graph = network("mlp");
  const ImageBatches data = images(400);
  TrainConfig config = config_of(150);
  config.augment = {};
  const TrainState start = start_of(graph);
  const Layout layout = graph.parameters;
  const at::Tensor logits = run_eager(graph, layout.views(start.weights), {}, data.range(0, 400), NormMode::kEval);
  const auto right = logits.argmax(1).eq(data.labels()).sum().item<double>();
  TrainStep step(graph, data, config, 1, start);
  for (int batch = 0; batch < 3; ++batch) step.run(0.0);
  EXPECT_EQ(step.epoch_sums()[1].item<double>(), right);
  EXPECT_GT(right, 0);
  EXPECT_LT(right, 400);
}

TEST(TrainStepTest, CountsLossesAndRightAnswersOfTheEpoch) {
  const Graph graph = network("mlp");
  const ImageBatches data = images(25);
  const TrainConfig config = config_of(10);
  TrainStep step(graph, data, config, 1, start_of(graph));
  double loss = 0;
  for (const double size : {10.0, 10.0, 5.0}) loss += size * step.run(0.01).item<double>();
  EXPECT_NEAR(step.epoch_sums()[0].item<double>(), loss, 1e-4);
  EXPECT_LE(step.epoch_sums()[1].item<double>(), 25);
  EXPECT_EQ(step.epoch_sums()[2].item<double>(), 25);
  step.zero_epoch_sums();
  EXPECT_EQ(step.epoch_sums().abs().sum().item<double>(), 0);
}

std::int64_t pages_so_far() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// A step allocates the memory that the previous one freed, so the loop requests nothing from the system, with one
// exception: a thread's scratch memory (half a megabyte) is allocated when the thread first gets work that needs it, on
// some machines within these steps.
TEST(TrainStepTest, WarmStepsTakeNoNewPages) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer keeps freed memory from use";
#endif
  keep_freed_memory();
  const Graph graph = network("vgg11_bn", 1);
  const ImageBatches data = images(64);
  for (const bool bf16 : {false, true}) {
    TrainConfig config = config_of(32);
    config.bf16 = bf16;
    TrainStep step(graph, data, config, 1, start_of(graph));
    for (int i = 0; i < 6; ++i) step.run(0.01);
    std::vector<std::int64_t> pages;
    for (int i = 0; i < 10; ++i) {
      const std::int64_t before = pages_so_far();
      step.run(0.01);
      pages.push_back(pages_so_far() - before);
    }
    const std::int64_t all = std::accumulate(pages.begin(), pages.end(), std::int64_t{0});
    EXPECT_LT(all, 6000) << "what one step takes where freed memory is not kept";
    std::ranges::sort(pages);
    EXPECT_LT(pages[5], 10) << (bf16 ? "bf16" : "float32") << ": " << ::testing::PrintToString(pages);
  }
}

TEST(TrainStepTest, GoesOnFromItsStateToTheSameBits) {
  for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdamW}) {
    SCOPED_TRACE(kind == OptimizerKind::kSgd ? "sgd" : "adamw");
    const Graph graph = network("resnet20");
    const ImageBatches data = images(25);
    TrainConfig config = config_of(10);
    config.optimizer.kind = kind;
    config.optimizer.sam_rho = 0.01;
    config.average.kind = AverageKind::kEma;
    config.mixup = 0.5;
    TrainStep whole(graph, data, config, 1, start_of(graph));
    TrainStep first(graph, data, config, 1, start_of(graph));
    for (int i = 0; i < 7; ++i) whole.run(0.01);
    for (int i = 0; i < 4; ++i) first.run(0.01);
    TrainStep second(graph, data, config, 1, first.state());
    for (int i = 0; i < 3; ++i) second.run(0.01);
    EXPECT_TRUE(at::equal(whole.weights(), second.weights()));
    EXPECT_TRUE(at::equal(whole.average(), second.average()));
    EXPECT_TRUE(at::equal(whole.buffers(), second.buffers()));
    EXPECT_TRUE(at::equal(whole.state().momentum, second.state().momentum));
    EXPECT_TRUE(at::equal(whole.epoch_sums(), second.epoch_sums()));
  }
}

TEST(TrainStepTest, StatisticsChangeNoBit) {
  const Graph graph = network("vgg11_bn");
  const ImageBatches data = images(30);
  TrainConfig config = config_of(10);
  config.optimizer.clip_norm = 0.5;
  TrainStep plain(graph, data, config, 1, start_of(graph));
  TrainStep watched(graph, data, config, 1, start_of(graph));
  for (int i = 0; i < 3; ++i) {
    StepStatistics statistics;
    const at::Tensor loss = plain.run(0.05);
    EXPECT_TRUE(at::equal(watched.run(0.05, statistics), loss));
  }
  EXPECT_TRUE(at::equal(plain.weights(), watched.weights()));
  EXPECT_TRUE(at::equal(plain.buffers(), watched.buffers()));
  EXPECT_TRUE(at::equal(plain.epoch_sums(), watched.epoch_sums()));
}

// Plain SGD moves the weights by the rate times the gradient, so the statistics must match the movement.
TEST(TrainStepTest, StatisticsDescribeTheUpdate) {
  const Graph graph = network("mlp");
  const ImageBatches data = images(32);
  TrainConfig config = config_of(16);
  config.optimizer.momentum = 0;
  config.optimizer.weight_decay = 0;
  TrainStep step(graph, data, config, 1, start_of(graph));
  const at::Tensor before = step.weights();
  StepStatistics statistics;
  step.run(0.1, statistics);
  const double moved = norm_of(step.weights() - before);
  EXPECT_NEAR(statistics.weight_norm, norm_of(before), 1e-4 * norm_of(before));
  EXPECT_NEAR(statistics.gradient_norm * 0.1, moved, 1e-3 * moved);
  EXPECT_NEAR(statistics.update_ratio, moved / norm_of(before), 1e-3 * moved / norm_of(before));
}

// Computes the noise scale of McCandlish et al. 2018, appendix A.1, from the gradients of single images.
TEST(TrainStepTest, NoiseScaleIsThatOfTheBatchAndItsFirstHalf) {
  const Graph graph = network("mlp");
  const std::int64_t count = 21, half = 10;
  const ImageBatches data = images(count);
  TrainConfig config = config_of(1);
  config.augment = {};
  config.optimizer.momentum = 0;
  config.optimizer.weight_decay = 0;
  // A step with a rate of 1 subtracts the gradient of its image.
  at::Tensor whole_sum = at::zeros({graph.parameters.size()}, at::kDouble), half_sum = whole_sum.clone();
  for (std::int64_t k = 0; k < count; ++k) {
    TrainState state = start_of(graph);
    state.step = k;
    TrainStep step(graph, data, config, 1, state);
    step.run(1.0);
    const at::Tensor gradient = (state.weights - step.weights()).to(at::kDouble);
    whole_sum.add_(gradient);
    if (k < half) half_sum.add_(gradient);
  }
  const double big_square = std::pow(norm_of(whole_sum) / count, 2),
               small_square = std::pow(norm_of(half_sum) / half, 2);
  const double signal = (count * big_square - half * small_square) / (count - half);
  const double noise = (small_square - big_square) / (1.0 / half - 1.0 / count);

  config.batch = count;
  TrainStep step(graph, data, config, 1, start_of(graph));
  StepStatistics statistics;
  step.run(0.0, statistics);
  EXPECT_NEAR(statistics.gradient_norm, std::sqrt(big_square), 1e-4 * std::sqrt(big_square));
  if (signal > 0) {
    EXPECT_NEAR(statistics.noise_scale, noise / signal, 1e-3 * std::abs(noise / signal));
  } else {
    EXPECT_TRUE(std::isnan(statistics.noise_scale));
  }

  config.mixup = 1;  // both halves of a batch are then made of the same images
  TrainStep mixed(graph, data, config, 1, start_of(graph));
  mixed.run(0.0, statistics);
  EXPECT_TRUE(std::isnan(statistics.noise_scale));
  EXPECT_GT(statistics.gradient_norm, 0);
}

class CudaTrainStep : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { THALWEG_NEED_GPU(); }
};

// Copies plans: timings differ, and with them the chosen plans and the bits of results.
void take_plans(TrainStep& to, TrainStep& from) {
  if (from.conv_plans()) to.conv_plans()->adopt(from.conv_plans()->manifest());
}

void expect_equal_bits(const TrainStep& a, const TrainStep& b) {
  EXPECT_TRUE(at::equal(a.weights(), b.weights()));
  EXPECT_TRUE(at::equal(a.buffers(), b.buffers()));
  EXPECT_TRUE(at::equal(a.epoch_sums(), b.epoch_sums()));
}

TEST_P(CudaTrainStep, CapturedStepsGiveTheBitsOfUncapturedOnes) {
  const Graph graph = network(GetParam());
  const ImageBatches data = images(50, kGpu);
  for (const bool bf16 : {false, true}) {
    for (const bool plans : {false, true}) {
      TrainConfig config = config_of(16);
      config.bf16 = bf16;
      config.conv_plans = plans;
      config.optimizer.clip_norm = 1;
      config.mixup = 0.3;
      config.cuda_graph = false;
      TrainStep eager(graph, data, config, 1, start_of(graph));
      TrainConfig captured = config;
      captured.cuda_graph = true;
      TrainStep graphed(graph, data, captured, 1, start_of(graph));
      const auto rate = [](int i) { return 0.01 * (1 + i % 5); };
      for (int i = 0; i < 50; ++i) eager.run(rate(i));  // four steps per epoch, the last with two images
      take_plans(graphed, eager);
      for (int i = 0; i < 50; ++i) graphed.run(rate(i));
      EXPECT_TRUE(at::isfinite(eager.weights()).all().item<bool>());
      expect_equal_bits(eager, graphed);
    }
  }
}

TEST_P(CudaTrainStep, TheSamePlansGiveTheSameBitsAgain) {
  const Graph graph = network(GetParam());
  const ImageBatches data = images(50, kGpu);
  TrainConfig config = config_of(16);
  config.bf16 = true;
  config.accumulate = 2;
  TrainStep first(graph, data, config, 1, start_of(graph)), again(graph, data, config, 1, start_of(graph));
  for (int i = 0; i < 20; ++i) first.run(0.01);
  take_plans(again, first);
  for (int i = 0; i < 20; ++i) again.run(0.01);
  expect_equal_bits(first, again);
}

// Statistics run additional, uncaptured steps over half a batch between captured ones.
TEST_P(CudaTrainStep, StatisticsLeaveTheBitsAlone) {
  const Graph graph = network(GetParam());
  const ImageBatches data = images(50, kGpu);
  const TrainConfig config = config_of(16);
  TrainStep told(graph, data, config, 1, start_of(graph)), plain(graph, data, config, 1, start_of(graph));
  StepStatistics statistics;
  for (int i = 0; i < 20; ++i) i % 3 == 2 ? told.run(0.01, statistics) : told.run(0.01);
  take_plans(plain, told);
  for (int i = 0; i < 20; ++i) plain.run(0.01);
  expect_equal_bits(told, plain);
}

TEST_P(CudaTrainStep, FollowsTheCpu) {
  const Graph graph = network(GetParam());
  std::vector<at::Tensor> weights;
  TrainConfig config = config_of(16);
  config.conv_plans = false;  // for the sanitizers (bench/gpu.sh), under which timing plans would take hours
  for (const c10::Device device : {c10::Device(at::kCPU), kGpu}) {
    const ImageBatches data = images(50, device);
    TrainStep step(graph, data, config, 1, start_of(graph));
    for (int i = 0; i < 3; ++i) step.run(0.01);
    weights.push_back(step.weights().cpu());
  }
  const at::Tensor start = initial_weights(graph, 3);
  EXPECT_LT(norm_of(weights[1] - weights[0]), 0.02 * norm_of(weights[0] - start));
}

INSTANTIATE_TEST_SUITE_P(Networks, CudaTrainStep, testing::Values("mlp", "vgg11", "vgg11_bn", "resnet20", "resnet18"));

}  // namespace
}  // namespace thalweg
