// float16 in our kernels: conversions, images, folded weights, the head, overflow; on the CPU, and on a GPU against it.
#include <bit>
#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "base/stream.h"
#include "kernels/activation.h"
#include "kernels/head.h"
#include "kernels/overflow.h"
#include "kernels/pool.h"
#include "models/models.h"
#include "nn/activation_type.h"
#include "nn/images.h"
#include "nn/init.h"
#include "nn/materialise.h"

namespace thalweg {
namespace {

std::uint16_t rounded(float x) {
  Float16 half{};
  store(half, x);
  return half.bits;
}

bool is_nan(std::uint16_t bits) {
  return (bits & 0x7FFF) > 0x7C00;
}

// c10's own conversions are the oracle. Around every float16, half way to the next, and one float to either side.
TEST(Float16, ConvertsAsLibTorchDoes) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Float16 half{static_cast<std::uint16_t>(bits)};
    const float wide = to_float(half), expected = static_cast<float>(c10::Half(half.bits, c10::Half::from_bits()));
    if (is_nan(half.bits)) {
      EXPECT_TRUE(std::isnan(wide));
      EXPECT_TRUE(is_nan(rounded(wide)));
      continue;
    }
    ASSERT_EQ(std::bit_cast<std::uint32_t>(wide), std::bit_cast<std::uint32_t>(expected)) << bits;
    ASSERT_EQ(rounded(wide), half.bits);
    const float next = to_float(Float16{static_cast<std::uint16_t>(bits + 1)});
    if (!std::isfinite(wide) || !std::isfinite(next)) continue;
    const float middle = wide + (next - wide) / 2;
    for (const float x : {middle, std::nextafter(middle, wide), std::nextafter(middle, next)})
      ASSERT_EQ(rounded(x), c10::Half(x).x) << x;
  }
  EXPECT_EQ(rounded(65519.996f), 0x7BFF);
  EXPECT_EQ(rounded(65520.0f), 0x7C00);
  EXPECT_EQ(rounded(-1e30f), 0xFC00);
}

struct Head {
  at::Tensor features, weight, bias, labels;  // [N, pixels, channels], [K, channels], [K], [N]

  Head(std::int64_t n, std::int64_t pixels, std::int64_t channels, std::int64_t classes, at::ScalarType type) {
    auto generator = at::detail::createCPUGenerator(41);
    features = at::randn({n, pixels, channels}, generator).to(type);
    weight = at::randn({classes, channels}, generator).to(type);
    bias = at::randn({classes}, generator).to(type);
    labels = at::randint(0, classes, {n}, generator);
  }
  Head to(c10::Device device) const {
    Head out = *this;
    for (at::Tensor Head::*tensor : {&Head::features, &Head::weight, &Head::bias, &Head::labels})
      out.*tensor = (out.*tensor).to(device);
    return out;
  }
  Head rows(std::int64_t begin, std::int64_t end) const {
    Head out = *this;
    out.features = features.slice(0, begin, end);
    out.labels = labels.slice(0, begin, end);
    return out;
  }
  ImageValues run() const {
    ImageValues values = empty_values(labels.size(0), labels.options());
    HeadArgs args;
    args.type = activation_type_of(features);
    args.features = features.const_data_ptr();
    args.weight = weight.const_data_ptr();
    args.bias = bias.const_data_ptr();
    args.labels = labels.const_data_ptr<std::int64_t>();
    args.num_images = features.size(0);
    args.pixels = features.size(1);
    args.channels = features.size(2);
    args.num_classes = weight.size(0);
    args.losses = values.losses.mutable_data_ptr<double>();
    args.correct = values.correct.mutable_data_ptr<std::int32_t>();
    args.margins = values.margins.mutable_data_ptr<float>();
    if (labels.is_cuda()) {
      head_losses_cuda(args, current_stream(labels.device()));
    } else {
      head_losses_cpu(args);
    }
    return values;
  }
};

const Head kHeads[] = {{7, 16, 512, 10, at::kHalf}, {1, 1, 3, 2, at::kHalf},  {9, 4, 33, 100, at::kBFloat16},
                       {5, 1, 64, 10, at::kFloat},  {0, 1, 8, 10, at::kHalf}, {3, 1, 7000, 10, at::kHalf}};

TEST(Head, IsAverageLinearLayerAndLoss) {
  for (const Head& head : kHeads) {
    const ImageValues got = head.run();
    const at::Tensor logits =
        at::linear(head.features.to(at::kDouble).mean(1), head.weight.to(at::kDouble), head.bias.to(at::kDouble));
    if (head.labels.size(0) == 0) continue;
    const at::Tensor expected = at::cross_entropy_loss(logits, head.labels, {}, at::Reduction::None);
    EXPECT_TRUE(at::allclose(got.losses, expected, 1e-5, 1e-5 * logits.abs().max().item<double>()));
    EXPECT_TRUE(at::equal(got.correct.to(at::kBool), logits.argmax(1) == head.labels));
    const at::Tensor own = logits.gather(1, head.labels.view({-1, 1}));
    const at::Tensor rival = logits.scatter(1, head.labels.view({-1, 1}), -INFINITY).amax(1);
    EXPECT_TRUE(at::allclose(got.margins.to(at::kDouble), own.squeeze(1) - rival, 1e-4,
                             1e-5 * logits.abs().max().item<double>()));
  }
}

TEST(Head, GivesAnImageTheSameBitsInAnyBatch) {
  const Head head(37, 4, 200, 10, at::kHalf);
  const ImageValues whole = head.run();
  for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 1}, {5, 22}, {36, 37}}) {
    const ImageValues part = head.rows(begin, end).run();
    EXPECT_TRUE(at::equal(part.losses, whole.losses.slice(0, begin, end)));
    EXPECT_TRUE(at::equal(part.margins, whole.margins.slice(0, begin, end)));
  }
}

TEST(Head, ShowsNanAndInfinity) {
  Head head(3, 1, 40, 10, at::kHalf);
  head.features[0][0][5] = std::nan("");
  head.features[1][0][39] = INFINITY;
  const at::Tensor losses = head.run().losses;
  EXPECT_EQ(at::isfinite(losses).sum().item<int>(), 1);
  EXPECT_TRUE(at::isfinite(losses)[2].item<bool>());
}

bool finds_overflow(const at::Tensor& values, float limit) {
  const at::Tensor flag = at::zeros({1}, values.options().dtype(at::kInt));
  OverflowArgs args;
  args.type = activation_type_of(values);
  args.values = values.const_data_ptr();
  args.n = values.numel();
  args.limit = limit;
  args.flag = flag.mutable_data_ptr<std::int32_t>();
  if (values.is_cuda()) {
    find_overflow_cuda(args, current_stream(values.device()));
  } else {
    find_overflow_cpu(args);
  }
  return flag.item<int>() == 1;
}

void expect_finds_overflow(c10::Device device) {
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16, at::kFloat}) {
    const at::Tensor values = at::full({100001}, 100.0, at::TensorOptions(type).device(device));
    EXPECT_FALSE(finds_overflow(values, 100));
    EXPECT_FALSE(finds_overflow(values.slice(0, 0, 0), 0));
    for (const std::int64_t at : {std::int64_t{0}, std::int64_t{54321}, std::int64_t{100000}}) {
      for (const double bad : {101.0, -101.0, static_cast<double>(INFINITY), std::nan("")}) {
        const at::Tensor one = values.clone();
        one[at] = bad;
        EXPECT_TRUE(finds_overflow(one, 100)) << bad << " at " << at;
      }
    }
  }
}

TEST(Overflow, IsSeenWhereverItIs) {
  expect_finds_overflow(at::kCPU);
}

at::Tensor pooled(const at::Tensor& x, int kernel, int stride) {
  PoolArgs args;
  args.type = activation_type_of(x);
  args.n = x.size(0);
  args.channels = x.size(1);
  args.height = x.size(2);
  args.width = x.size(3);
  args.kernel = kernel;
  args.stride = stride;
  const at::Tensor y = at::empty({args.n, args.channels, args.out_height(), args.out_width()}, x.options(),
                                 at::MemoryFormat::ChannelsLast);
  args.x = x.const_data_ptr();
  args.y = y.mutable_data_ptr();
  if (x.is_cuda()) {
    max_pool_cuda(args, current_stream(x.device()));
  } else {
    max_pool_cpu(args);
  }
  return y;
}

// NaN and infinity included; odd sizes, overlapping windows, channels that no pack divides.
void expect_pools(c10::Device device) {
  struct Case {
    std::int64_t n, c, h, w;
    int kernel, stride;
  };
  auto generator = at::detail::createCPUGenerator(47);
  for (const Case& c : {Case{3, 64, 8, 8, 2, 2},
                        {2, 5, 7, 9, 2, 2},
                        {1, 8, 5, 6, 3, 1},
                        {4, 16, 2, 2, 2, 2},
                        {2, 70, 5, 4, 2, 2},
                        {0, 8, 4, 4, 2, 2}}) {
    for (const at::ScalarType type : {at::kHalf, at::kBFloat16, at::kFloat}) {
      const at::Tensor x = at::randn({c.n, c.c, c.h, c.w}, generator).contiguous(at::MemoryFormat::ChannelsLast);
      if (c.n > 0) x[0][0][1][1] = std::nan(""), x[0][1][0][0] = -INFINITY, x[0][2][1][0] = INFINITY;
      const at::Tensor low = x.to(type), got = pooled(low.to(device), c.kernel, c.stride).cpu();
      if (c.n == 0) continue;
      const at::Tensor expected = at::max_pool2d(low.to(at::kFloat), {c.kernel, c.kernel}, {c.stride, c.stride});
      EXPECT_TRUE(at::allclose(got.to(at::kFloat), expected, 0, 0, /*equal_nan=*/true));
    }
  }
}

TEST(MaxPool, IsATens) {
  expect_pools(at::kCPU);
}

// Folded weights in half precision are the float32 ones, rounded; padded channels are zero.
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

class CudaKernelsInHalf : public testing::Test {
 protected:
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "no GPU on this machine";
  }
  const c10::Device gpu_{c10::kCUDA, 0};
};

// Multiply-adds are contracted there.
TEST_F(CudaKernelsInHalf, HeadEqualsTheCpus) {
  for (const Head& head : kHeads) {
    if (head.labels.size(0) == 0) continue;
    const ImageValues expected = head.run(), got = head.to(gpu_).run();
    const double scale = expected.losses.abs().max().item<double>();
    EXPECT_TRUE(at::allclose(got.losses.cpu(), expected.losses, 1e-4, 1e-5 * scale));
    EXPECT_TRUE(at::equal(got.correct.cpu(), expected.correct));
    EXPECT_TRUE(at::allclose(got.margins.cpu(), expected.margins, 1e-4, 1e-5 * scale));
    EXPECT_TRUE(at::equal(head.to(gpu_).run().losses, got.losses));
  }
  const Head head = Head(37, 4, 200, 10, at::kHalf).to(gpu_);
  EXPECT_TRUE(at::equal(head.rows(5, 22).run().losses, head.run().losses.slice(0, 5, 22)));
}

TEST_F(CudaKernelsInHalf, MaxPoolIsATens) {
  expect_pools(gpu_);
}

TEST_F(CudaKernelsInHalf, OverflowIsSeen) {
  expect_finds_overflow(gpu_);
}

TEST_F(CudaKernelsInHalf, FoldedWeightsEqualTheCpus) {
  const Folding folding;
  const Program program = compile(folding.graph, {.channel_multiple = 8});
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    const at::Tensor expected = folding.fold(program, type, at::kCPU).first.to(at::kFloat);
    const auto [got, overflowed] = folding.fold(program, type, gpu_);
    // One unit in the last place, where the other rounding of float32 falls on the other side of a middle.
    EXPECT_TRUE(at::allclose(got.to(at::kFloat), expected, type == at::kHalf ? 0x1p-10 : 0x1p-7, 1e-6));
    EXPECT_LT((got.to(at::kFloat) != expected).to(at::kFloat).mean().item<double>(), 0.01);
    EXPECT_FALSE(overflowed.any().item<bool>());
  }
}

TEST_F(CudaKernelsInHalf, ImagesEqualTheCpus) {
  const at::Tensor indices = at::tensor({3, 0, 10}, at::kLong);
  const at::Tensor expected = images(at::kCPU).gather(indices, at::kHalf, 8).to(at::kFloat);
  const at::Tensor got = images(gpu_).gather(indices.to(gpu_), at::kHalf, 8).cpu().to(at::kFloat);
  EXPECT_TRUE(at::allclose(got, expected, 0x1p-10, 1e-6));
}

}  // namespace
}  // namespace thalweg
