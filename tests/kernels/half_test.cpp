// Tests images and folded weights in half precision on the CPU, and compares a GPU with it.
#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "gpu.h"
#include "models/models.h"
#include "nn/images.h"
#include "nn/init.h"
#include "nn/materialise.h"

namespace thalweg {
namespace {

// Folded weights in half precision are the rounded float32 ones, with zeros in the padded channels.
struct Folding {
  Graph graph;
  at::Tensor origin, d1, d2, buffers;
  at::Tensor points = at::tensor({0.5f, -1.0f, 0.0f, 0.0f, -2.0f, 0.25f}).view({3, 2});

  Folding() {
    ModelConfig config;
    config.name = "resnet20";
    config.shortcut = "B";
    graph = build_model(config, {3, 32, 32}, 10);
    auto generator = at::detail::createCPUGenerator(43);
    origin = initial_weights(graph, 3);
    d1 = at::randn({origin.size(0)}, generator) * 0.01;
    d2 = at::randn({origin.size(0)}, generator) * 0.01;
    buffers = initial_buffers(graph) + at::rand({3, graph.buffers.size()}, generator);
  }
  std::pair<at::Tensor, at::Tensor> fold(const Program& program, at::ScalarType type, c10::Device device) const {
    const PlaneMaterialiser plane(program, {origin.to(device), d1.to(device), d2.to(device)});
    const at::Tensor out = at::zeros({3, program.folded_size}, at::TensorOptions(type).device(device));
    const at::Tensor overflowed = at::zeros({3}, at::TensorOptions(at::kInt).device(device));
    plane.fold_into(out, points.to(device), buffers.to(device), overflowed);
    return {out.cpu(), overflowed.cpu()};
  }
};

TEST(FoldedWeights, AreRoundedOnceAndPadded) {
  const Folding folding;
  const Program plain = compile(folding.graph), padded = compile(folding.graph, {.channel_multiple = 8});
  EXPECT_EQ(plain.input_channels, 3);
  EXPECT_EQ(padded.input_channels, 8);
  const at::Tensor expected =
      PlaneMaterialiser(plain, {folding.origin, folding.d1, folding.d2}).folded(folding.points, folding.buffers);
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    const auto [got, overflowed] = folding.fold(padded, type, at::kCPU);
    EXPECT_FALSE(overflowed.any().item<bool>());
    for (std::size_t k = 0; k < plain.segments.size(); ++k) {
      const FoldSegment &s = plain.segments[k], &p = padded.segments[k];
      EXPECT_EQ(p.out_weight % 8, 0);
      EXPECT_EQ(p.out_bias % 8, 0);
      const at::Tensor wide =
          expected.narrow(1, s.out_weight, s.rows * s.taps * s.channels).view({3, s.rows, s.taps, s.channels});
      const at::Tensor low =
          got.narrow(1, p.out_weight, p.rows * p.taps * p.out_channels).view({3, p.rows, p.taps, p.out_channels});
      EXPECT_TRUE(at::equal(low.narrow(3, 0, s.channels), wide.to(type)));
      EXPECT_EQ(low.narrow(3, s.channels, p.out_channels - s.channels).abs().sum().item<float>(), 0);
      EXPECT_TRUE(at::equal(got.narrow(1, p.out_bias, p.rows), expected.narrow(1, s.out_bias, s.rows).to(type)));
    }
  }
}

TEST(FoldedWeights, ThatAreTooLargeAreNotedForTheirPointAlone) {
  Folding folding;
  const Program program = compile(folding.graph);
  folding.buffers[1].fill_(1e-12f);  // a variance near 0, eps 1e-5: weights grow by up to 316
  folding.d1[5] = 1e6f;              // points 0 and 2 are off the origin along d1
  const auto [got, overflowed] = folding.fold(program, at::kHalf, at::kCPU);
  EXPECT_TRUE(at::equal(overflowed, at::tensor({1, 0, 1}, at::kInt)));
  EXPECT_FALSE(folding.fold(program, at::kBFloat16, at::kCPU).second.any().item<bool>());
  folding.buffers[1][0] = std::nan("");
  EXPECT_EQ(folding.fold(program, at::kHalf, at::kCPU).second[1].item<int>(), 1);
}

ImageBatches images(c10::Device device) {
  auto generator = at::detail::createCPUGenerator(29);
  return {at::randint(0, 256, {11, 3, 32, 32}, generator).to(at::kByte),
          at::randint(0, 10, {11}, generator),
          {0.5, 0.4, 0.3},
          {0.25, 0.3, 0.2},
          device};
}

TEST(Images, ComeInHalfPrecisionWithPaddedChannels) {
  const at::Tensor indices = at::tensor({3, 0, 10}, at::kLong);
  const at::Tensor expected = images(at::kCPU).gather(indices);
  const at::Tensor got = images(at::kCPU).gather(indices, at::kHalf, 8);
  EXPECT_EQ(got.sizes(), at::IntArrayRef({3, 8, 32, 32}));
  EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(at::equal(got.narrow(1, 0, 3), expected.to(at::kHalf)));
  EXPECT_EQ(got.narrow(1, 3, 5).abs().sum().item<float>(), 0);
}

class CudaKernelsInHalf : public GpuTest {};

TEST_F(CudaKernelsInHalf, FoldedWeightsEqualTheCpus) {
  const Folding folding;
  const Program program = compile(folding.graph, {.channel_multiple = 8});
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    const at::Tensor expected = folding.fold(program, type, at::kCPU).first.to(at::kFloat);
    const auto [got, overflowed] = folding.fold(program, type, kGpu);
    // One unit in the last place, for float32 results that round to different sides of a midpoint.
    EXPECT_TRUE(at::allclose(got.to(at::kFloat), expected, type == at::kHalf ? 0x1p-10 : 0x1p-7, 1e-6));
    EXPECT_LT((got.to(at::kFloat) != expected).to(at::kFloat).mean().item<double>(), 0.01);
    EXPECT_FALSE(overflowed.any().item<bool>());
  }
}

TEST_F(CudaKernelsInHalf, ImagesEqualTheCpus) {
  const at::Tensor indices = at::tensor({3, 0, 10}, at::kLong);
  const at::Tensor expected = images(at::kCPU).gather(indices, at::kHalf, 8).to(at::kFloat);
  const at::Tensor got = images(kGpu).gather(indices.to(kGpu), at::kHalf, 8).cpu().to(at::kFloat);
  EXPECT_TRUE(at::allclose(got, expected, 0x1p-10, 1e-6));
}

}  // namespace
}  // namespace thalweg
