// Batch norm's loops give the same bits with vectors of every width.
#include "kernels/norm_lanes.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace thalweg {
namespace {

constexpr std::int64_t kRows = 10;

// Everything that the loops write for kRows rows of `channels` channels, with add and ReLU.
struct Results {
  std::vector<float> mean, m2, sum, dot, y, dx, dother;

  bool operator==(const Results&) const = default;
};

template <int kWidth>
Results by_width(std::int64_t channels) {
  auto generator = at::detail::createCPUGenerator(5);
  const auto random = [&](std::int64_t count) { return at::randn({count}, generator); };
  const std::int64_t count = kRows * channels;
  const auto of_elements = static_cast<std::size_t>(count), of_channels = static_cast<std::size_t>(channels);
  const at::Tensor x = random(count), other = random(count), dy = random(count);
  const at::Tensor weight = random(channels), bias = random(channels);
  const auto floats = [](const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); };
  Results out{.mean = std::vector<float>(of_channels),
              .m2 = std::vector<float>(of_channels),
              .sum = std::vector<float>(of_channels),
              .dot = std::vector<float>(of_channels),
              .y = std::vector<float>(of_elements),
              .dx = std::vector<float>(of_elements),
              .dother = std::vector<float>(of_elements)};
  EXPECT_TRUE(for_each_block<kWidth>(kRows, channels, [&](const LaneBlock<kWidth>& block) {
    lane_moments(block, kRows, floats(x), out.mean.data(), out.m2.data());
  }));
  std::vector<float> invstd(of_channels, 0.7f);
  NormForwardArgs forward;
  forward.weight = floats(weight);
  forward.bias = floats(bias);
  forward.mean = out.mean.data();
  forward.invstd = invstd.data();
  NormBackwardArgs backward;
  backward.shape = {kRows, channels, ActivationType::kFloat32, true};
  backward.weight = floats(weight);
  backward.bias = floats(bias);
  backward.mean = out.mean.data();
  backward.invstd = invstd.data();
  backward.dbias = out.sum.data();
  backward.dweight = out.dot.data();
  for_each_block<kWidth>(kRows, channels, [&](const LaneBlock<kWidth>& block) {
    lane_apply<true, true>(block, forward, floats(x), floats(other), out.y.data());
    lane_gradient_sums<ReluMask::kRead>(block, backward, floats(x), out.y.data(), floats(dy), out.sum.data(),
                                        out.dot.data());
    lane_gradient<ReluMask::kRead, true>(block, backward, floats(x), out.y.data(), floats(dy), out.dx.data(),
                                         out.dother.data());
  });
  return out;
}

TEST(NormLanes, TheBitsDoNotDependOnTheWidth) {
  for (const std::int64_t channels : {16, 32, 96}) {
    SCOPED_TRACE(channels);
    const Results widest = by_width<16>(channels);
    EXPECT_EQ(by_width<8>(channels), widest);
    EXPECT_EQ(by_width<4>(channels), widest);
  }
}

}  // namespace
}  // namespace thalweg
