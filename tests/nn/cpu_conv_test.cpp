// Compares the CPU's convolutions, whichever kernel runs them, with LibTorch's in double.
#include "nn/cpu_conv.h"

#include <array>
#include <cmath>
#include <thread>
#include <tuple>

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "kernels/conv_taps.h"

namespace thalweg {
namespace {

struct Case {
  std::int64_t size, channels, filters, stride;
  at::ScalarType type;
};

class CpuConvolution : public testing::TestWithParam<Case> {
 protected:
  at::Tensor random(at::IntArrayRef sizes) {
    const at::Tensor values = at::randn(sizes, generator_).to(case_.type);
    return sizes.size() == 4 ? values.contiguous(at::MemoryFormat::ChannelsLast) : values;
  }
  at::Tensor plain(const at::Tensor& x) const {
    return at::conv2d(x.to(at::kDouble), w_.to(at::kDouble), bias_.to(at::kDouble),
                      at::IntArrayRef{case_.stride, case_.stride}, at::IntArrayRef{1, 1});
  }
  // Sums are in float32; the stored result is rounded once more, with a residual up to twice.
  void expect_close(const at::Tensor& got, const at::Tensor& wanted) const {
    EXPECT_EQ(got.scalar_type(), case_.type);
    EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast));
    const double unit = case_.type == at::kFloat ? 1e-5 : 0x1p-7;
    EXPECT_LT((got.to(at::kDouble) - wanted).abs().max().item<double>(), unit * wanted.abs().max().item<double>());
  }

  const Case& case_ = GetParam();
  at::Generator generator_ = at::detail::createCPUGenerator(3);
  const at::Tensor x_ = random({6, case_.channels, case_.size, case_.size});
  const at::Tensor w_ = random({case_.filters, case_.channels, 3, 3});
  const at::Tensor bias_ = random({case_.filters});
  const CpuConv conv_{case_.stride, 1};
  const PackedConv packed_{{case_.size, case_.size, case_.stride, 1, true}, w_, bias_};
};

TEST_P(CpuConvolution, ForwardEqualsLibTorchs) {
  expect_close(conv_forward(conv_, x_, w_, bias_), plain(x_));
  // Tensors that are not channels-last are copied first.
  expect_close(conv_forward(conv_, x_.contiguous(), w_.contiguous(), bias_), plain(x_));
}

TEST_P(CpuConvolution, GradientsEqualLibTorchs) {
  const at::Tensor y = plain(x_), dy = random(y.sizes());
  const std::array<std::int64_t, 2> stride{case_.stride, case_.stride}, padding{1, 1};
  const auto [dx, dw, db] =
      at::convolution_backward(dy.to(at::kDouble), x_.to(at::kDouble), w_.to(at::kDouble), at::OptionalIntArrayRef(),
                               stride, padding, {1, 1}, false, {0, 0}, 1, {true, true, false});
  expect_close(conv_input_gradient(conv_, dy, w_, x_.sizes()), dx);
  const double unit = case_.type == at::kFloat ? 1e-5 : 0x1p-7;
  for (const at::MemoryFormat layout : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
    const at::Tensor got = at::full(w_.sizes(), NAN).contiguous(layout);
    conv_weight_gradient(conv_, dy, x_, got);
    EXPECT_LT((got - dw).abs().max().item<double>(), unit * dw.abs().max().item<double>());
  }
}

TEST_P(CpuConvolution, WorkSpaceIsUsedAgain) {
  at::Tensor work;
  const CpuConv conv{case_.stride, 1, &work};
  const at::Tensor first = conv_forward(conv, x_, w_, bias_);
  const at::Tensor before = work;
  EXPECT_TRUE(at::equal(conv_forward(conv, x_, w_, bias_), first));
  EXPECT_TRUE(work.is_same(before));
}

TEST_P(CpuConvolution, PackedAddsTheResidualBeforeTheRelu) {
  const at::Tensor y = plain(x_), other = random(y.sizes());
  const at::Tensor wanted = (y + other).clamp_min(0), kept = other.clone();
  const at::Tensor apart = packed_.run(x_, {other, false}, false);
  expect_close(apart, wanted);
  EXPECT_TRUE(at::equal(other, kept));
  const at::Tensor in_place = packed_.run(x_, {other, true}, false);
  EXPECT_EQ(in_place.const_data_ptr(), other.const_data_ptr());
  EXPECT_TRUE(at::equal(in_place, apart));
  expect_close(packed_.run(x_, {}, false), y.clamp_min(0));
}

TEST_P(CpuConvolution, PackedRefusesOtherImages) {
  EXPECT_ANY_THROW(packed_.run(x_.narrow(1, 0, case_.channels / 2), {}, false));
  EXPECT_ANY_THROW(packed_.run(x_, {plain(x_).to(case_.type).narrow(0, 0, 1), false}, false));
  EXPECT_ANY_THROW(packed_.run(x_.to(case_.type == at::kFloat ? at::kBFloat16 : at::kFloat), {}, false));
}

TEST_P(CpuConvolution, PackedKeepsNaNWhenAsked) {
  const at::Tensor x = at::full_like(x_, NAN);
  EXPECT_TRUE(packed_.run(x, {}, true).isnan().all().item<bool>());
}

// Our own kernels run the convolutions of small images if the processor has the instructions, and oneDNN the others.
INSTANTIATE_TEST_SUITE_P(Shapes, CpuConvolution,
                         testing::Values(Case{4, 128, 64, 1, at::kFloat}, Case{4, 128, 64, 1, at::kBFloat16},
                                         Case{8, 64, 128, 2, at::kFloat}, Case{8, 64, 128, 2, at::kBFloat16},
                                         Case{4, 24, 40, 1, at::kFloat}, Case{4, 24, 40, 1, at::kBFloat16},
                                         Case{16, 64, 64, 1, at::kFloat}));

// Each thread computes the gradient of some images by itself.
TEST(CpuConvolutionParts, AddUpToTheGradientOfAllImages) {
  if (word_products(ActivationType::kBFloat16) == WordProducts::kNone)
    GTEST_SKIP() << "the processor lacks the instructions";
  const int threads = at::get_num_threads();
  auto generator = at::detail::createCPUGenerator(5);
  const at::Tensor x = at::randn({51, 16, 16, 16}, generator).to(at::kBFloat16);
  const at::Tensor dy = at::randn({51, 32, 8, 8}, generator).to(at::kBFloat16);
  const std::array<std::int64_t, 2> stride{2, 2}, padding{1, 1};
  const at::Tensor wanted = std::get<1>(at::convolution_backward(
      dy.to(at::kDouble), x.to(at::kDouble), at::empty({32, 16, 3, 3}, at::kDouble), at::OptionalIntArrayRef(), stride,
      padding, {1, 1}, false, {0, 0}, 1, {false, true, false}));
  for (const int count : {1, 2, 5}) {
    at::set_num_threads(count);
    const at::Tensor got = at::full({32, 16, 3, 3}, NAN), again = at::empty_like(got);
    conv_weight_gradient({2, 1}, dy, x, got);
    std::thread([&] { conv_weight_gradient({2, 1}, dy, x, again); }).join();  // with its own thread pool
    EXPECT_LT((got - wanted).abs().max().item<double>(), 0x1p-7 * wanted.abs().max().item<double>());
    EXPECT_TRUE(at::equal(got, again));
    EXPECT_EQ(at::get_num_threads(), count);
  }
  at::set_num_threads(threads);
  const at::Tensor none = at::full({32, 16, 3, 3}, NAN);
  conv_weight_gradient({2, 1}, dy.slice(0, 0, 0), x.slice(0, 0, 0), none);
  EXPECT_TRUE(at::equal(none, at::zeros_like(none)));
}

}  // namespace
}  // namespace thalweg
