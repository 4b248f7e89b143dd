#include "nn/norm_statistics.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "models/models.h"
#include "nn/eager.h"
#include "nn/init.h"

namespace thalweg {
namespace {

class NormStatisticsTest : public testing::TestWithParam<const char*> {
 protected:
  NormStatisticsTest() {
    ModelConfig config;
    config.name = GetParam();
    config.width = 0.125;
    graph_ = build_model(config, {3, 32, 32}, 10);
    weights_ = initial_weights(graph_, 4);
    auto generator = at::detail::createCPUGenerator(9);
    images_ = at::randn({37, 3, 32, 32}, generator).contiguous(at::MemoryFormat::ChannelsLast);
    expected_ = initial_buffers(graph_);
    estimate_batch_norm(graph_, weights_, expected_, images_);
  }
  Graph graph_;
  at::Tensor weights_, images_, expected_;
};

TEST_P(NormStatisticsTest, AreThoseOfPlainArithmetic) {
  NormStatistics statistics(graph_, at::kCPU, at::kFloat);
  for (int repetition = 0; repetition < 2; ++repetition) {  // nothing remains from the first time
    EXPECT_TRUE(at::allclose(statistics.measure(weights_, images_), expected_, 2e-4, 1e-5));
  }
}

TEST_P(NormStatisticsTest, InBfloat16AreCloseToThem) {
  NormStatistics statistics(graph_, at::kCPU, at::kBFloat16);
  const at::Tensor got = statistics.measure(weights_, images_.to(at::kBFloat16));
  EXPECT_LT((got - expected_).norm().item<double>(), 0.02 * expected_.norm().item<double>());
}

TEST_P(NormStatisticsTest, InFloat16AreCloserStill) {
  NormStatistics statistics(graph_, at::kCPU, at::kHalf);
  const at::Tensor got = statistics.measure(weights_, images_.to(at::kHalf));
  EXPECT_LT((got - expected_).norm().item<double>(), 0.0025 * expected_.norm().item<double>());
}

INSTANTIATE_TEST_SUITE_P(Models, NormStatisticsTest, testing::Values("vgg11_bn", "resnet18", "resnet20"));

}  // namespace
}  // namespace thalweg
