// The direct convolution against LibTorch's in double.
#include "kernels/direct_conv.h"

#include <optional>

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "nn/activation_type.h"

namespace thalweg {
namespace {

constexpr auto kForward = DirectConvPass::kForward, kInputGradient = DirectConvPass::kInputGradient;

struct Case {
  DirectConvPass pass;
  std::int64_t images, height, width, channels, filters, kernel, stride, padding;
  at::ScalarType type;
};

// All but the weight channels-last.
struct Problem {
  at::Tensor from, to, weight, bias, other;
  DirectConvArgs args;
};

Problem problem_of(const Case& c) {
  auto generator = at::detail::createCPUGenerator(7);
  const std::int64_t height = (c.height + 2 * c.padding - c.kernel) / c.stride + 1;
  const std::int64_t width = (c.width + 2 * c.padding - c.kernel) / c.stride + 1;
  const auto random = [&](at::IntArrayRef sizes) { return at::randn(sizes, generator).to(c.type); };
  const at::Tensor image = random({c.images, c.channels, c.height, c.width}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor output = random({c.images, c.filters, height, width}).contiguous(at::MemoryFormat::ChannelsLast);
  Problem problem;
  problem.from = c.pass == kForward ? image : output;
  problem.other = c.pass == kForward ? output : image;
  problem.to = at::full_like(problem.other, NAN);
  problem.weight = random({c.filters, c.kernel, c.kernel, c.channels});
  problem.bias = random({problem.to.size(1)});
  DirectConvArgs& args = problem.args;
  args.conv = {c.images, c.height, c.width, c.channels, height, width, c.filters, c.kernel, c.stride, c.padding};
  args.pass = c.pass;
  args.type = activation_type_of(image);
  return problem;
}

// Writes problem.to.
void run(const Problem& problem, std::optional<WordProducts> products = {}) {
  DirectConvArgs args = problem.args;
  std::vector<ConvWord> words(static_cast<std::size_t>(direct_conv_weight_words(args.conv, args.type)));
  const WordProducts by = products.value_or(word_products(args.type));
  pack_direct_conv_weights(args, problem.weight.const_data_ptr(), words.data(), by);
  args.from = problem.from.const_data_ptr();
  args.weights = words.data();
  args.to = problem.to.mutable_data_ptr();
  direct_conv_cpu(args, by);
}

at::Tensor expected(const Problem& problem) {
  const ConvSizes& conv = problem.args.conv;
  const at::Tensor weight = problem.weight.permute({0, 3, 1, 2}).to(at::kDouble), from = problem.from.to(at::kDouble);
  const std::array<std::int64_t, 2> stride{conv.stride, conv.stride}, padding{conv.padding, conv.padding};
  if (problem.args.pass == kForward) return at::conv2d(from, weight, {}, stride, padding);
  const at::Tensor image = at::zeros(problem.to.sizes(), at::kDouble);
  return std::get<0>(at::convolution_backward(from, image, weight, at::OptionalIntArrayRef(), stride, padding, {1, 1},
                                              false, {0, 0}, 1, {true, false, false}));
}

// Sums are float32; what is stored is rounded once more.
void expect_close(const at::Tensor& got, const at::Tensor& wanted) {
  const double relative = got.scalar_type() == at::kFloat ? 0 : 0x1p-8;
  const at::Tensor allowed = wanted.abs() * relative + 2e-5 * (1 + wanted.abs().max());
  EXPECT_TRUE(at::all((got.to(at::kDouble) - wanted).abs() <= allowed).item<bool>());
}

class DirectConv : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!direct_conv_takes(problem_.args)) GTEST_SKIP() << "the processor lacks the instructions";
  }
  Problem problem_ = problem_of(GetParam());
};

TEST_P(DirectConv, EqualsLibTorchsInDouble) {
  run(problem_);
  expect_close(problem_.to, expected(problem_));
}

TEST_P(DirectConv, AddsBiasAndAnotherAndTakesThePositivePart) {
  problem_.args.bias = problem_.bias.const_data_ptr();
  problem_.args.other = problem_.other.const_data_ptr();
  problem_.args.relu = true;
  run(problem_);
  const at::Tensor sum = expected(problem_) + problem_.bias.to(at::kDouble).view({1, -1, 1, 1}) + problem_.other;
  expect_close(problem_.to, sum.clamp_min(0));
}

TEST_P(DirectConv, AddsInPlace) {
  problem_.args.other = problem_.other.const_data_ptr();
  run(problem_);
  const at::Tensor apart = problem_.to;
  problem_.to = problem_.other;
  run(problem_);
  EXPECT_TRUE(at::equal(problem_.to, apart));
}

TEST_P(DirectConv, TheBitsDoNotDependOnThreadsNorOnTheNumberOfImages) {
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  run(problem_);
  at::set_num_threads(1);
  Problem one = problem_;
  one.from = problem_.from.narrow(0, problem_.from.size(0) - 1, 1);
  one.to = at::empty_like(problem_.to.narrow(0, 0, 1));
  one.args.conv.num_images = 1;
  run(one);
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(one.to[0], problem_.to[problem_.to.size(0) - 1]));
}

TEST_P(DirectConv, NarrowProductsGiveTheSameBits) {
  if (GetParam().type != at::kFloat) return;  // bfloat16 has but one kind of products
  if (word_products(ActivationType::kFloat32) != WordProducts::kAvx512) GTEST_SKIP() << "there are no wider ones";
  run(problem_);
  Problem narrow = problem_;
  narrow.to = at::full_like(problem_.to, NAN);
  run(narrow, WordProducts::kAvx2);
  EXPECT_TRUE(at::equal(narrow.to, problem_.to));
}

TEST_P(DirectConv, NaNStays) {
  problem_.from.fill_(NAN);
  problem_.args.relu = true;
  run(problem_);
  const at::Tensor touched = expected(problem_).isnan();  // strides leave pixels out
  EXPECT_TRUE(at::equal(problem_.to.isnan(), touched));
}

// One image and more than a task takes, more input channels than a block, taps that lie outside of the whole image,
// strides that leave pixels over, images that are not square.
INSTANTIATE_TEST_SUITE_P(Shapes, DirectConv,
                         testing::Values(Case{kForward, 1, 4, 4, 64, 64, 3, 1, 1, at::kFloat},
                                         Case{kForward, 1, 4, 4, 64, 64, 3, 1, 1, at::kBFloat16},
                                         Case{kForward, 37, 4, 4, 256, 128, 3, 1, 1, at::kFloat},
                                         Case{kForward, 37, 4, 4, 256, 128, 3, 1, 1, at::kBFloat16},
                                         Case{kForward, 5, 2, 2, 64, 64, 5, 1, 2, at::kFloat},
                                         Case{kForward, 3, 9, 6, 64, 128, 3, 2, 1, at::kBFloat16},
                                         Case{kForward, 3, 7, 7, 128, 64, 1, 2, 0, at::kFloat},
                                         Case{kInputGradient, 1, 4, 4, 64, 64, 3, 1, 1, at::kBFloat16},
                                         Case{kInputGradient, 37, 4, 4, 128, 256, 3, 1, 1, at::kFloat},
                                         Case{kInputGradient, 37, 4, 4, 128, 256, 3, 1, 1, at::kBFloat16},
                                         Case{kInputGradient, 5, 2, 2, 64, 64, 5, 1, 2, at::kBFloat16},
                                         Case{kInputGradient, 3, 9, 6, 128, 64, 3, 2, 1, at::kFloat},
                                         Case{kInputGradient, 3, 9, 6, 64, 128, 3, 2, 1, at::kBFloat16},
                                         Case{kInputGradient, 3, 7, 7, 64, 64, 1, 2, 0, at::kBFloat16}));

TEST(DirectConvShapes, NoImagesAreNoWork) {
  const Problem problem = problem_of({kForward, 0, 4, 4, 64, 64, 3, 1, 1, at::kFloat});
  if (!direct_conv_takes(problem.args)) GTEST_SKIP() << "the processor lacks the instructions";
  run(problem);
}

TEST(DirectConvShapes, OthersAreLeftToOneDnn) {
  EXPECT_FALSE(direct_conv_takes(problem_of({kForward, 2, 4, 4, 96, 64, 3, 1, 1, at::kFloat}).args));
  EXPECT_FALSE(direct_conv_takes(problem_of({kForward, 2, 4, 4, 64, 96, 3, 1, 1, at::kFloat}).args));
  EXPECT_FALSE(direct_conv_takes(problem_of({kForward, 2, 4, 4, 64, 64, 3, 1, 1, at::kHalf}).args));
  EXPECT_FALSE(direct_conv_pays(problem_of({kForward, 2, 32, 32, 64, 64, 3, 1, 1, at::kFloat}).args));
  EXPECT_FALSE(direct_conv_pays(problem_of({kForward, 2, 4, 4, 64, 64, 1, 1, 0, at::kFloat}).args));
}

}  // namespace
}  // namespace thalweg
