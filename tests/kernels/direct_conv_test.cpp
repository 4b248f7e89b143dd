// Compares the direct convolution with LibTorch's in double.
#include "kernels/direct_conv.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "nn/activation_type.h"

namespace thalweg {
namespace {

constexpr auto kForward = DirectConvPass::kForward, kInputGradient = DirectConvPass::kInputGradient;
constexpr auto kAvx512 = WordProducts::kAvx512;

struct Case {
  DirectConvPass pass;
  std::int64_t images, height, width, channels, filters, kernel, stride, padding;
  at::ScalarType type;
};

// All tensors but the weight are channels-last.
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

// The products that the processor supports for the type and that can handle the shape.
std::vector<WordProducts> products_for(const DirectConvArgs& args) {
  std::vector<WordProducts> all;
  for (const WordProducts by : {WordProducts::kAvx2, WordProducts::kAvx512, WordProducts::kTiles}) {
    if (by <= word_products(args.type) && direct_conv_takes(args, by)) all.push_back(by);
  }
  return all;
}

// Writes problem.to.
void run(const Problem& problem, WordProducts by) {
  DirectConvArgs args = problem.args;
  std::vector<ConvWord> words(static_cast<std::size_t>(direct_conv_weight_words(args.conv, args.type)));
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

// Sums are in float32; the stored result is rounded once more.
void expect_close(const at::Tensor& got, const at::Tensor& wanted) {
  const double relative = got.scalar_type() == at::kFloat ? 0 : 0x1p-8;
  const at::Tensor allowed = wanted.abs() * relative + 2e-5 * (1 + wanted.abs().max());
  EXPECT_TRUE(at::all((got.to(at::kDouble) - wanted).abs() <= allowed).item<bool>());
}

class DirectConv : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (products_.empty()) GTEST_SKIP() << "the processor lacks the instructions";
  }
  Problem problem_ = problem_of(GetParam());
  const std::vector<WordProducts> products_ = products_for(problem_.args);
};

TEST_P(DirectConv, EqualsLibTorchsInDouble) {
  for (const WordProducts by : products_) {
    SCOPED_TRACE(static_cast<int>(by));
    problem_.to.fill_(NAN);
    run(problem_, by);
    expect_close(problem_.to, expected(problem_));
  }
}

TEST_P(DirectConv, AddsBiasAndAnotherAndTakesThePositivePart) {
  problem_.args.bias = problem_.bias.const_data_ptr();
  problem_.args.other = problem_.other.const_data_ptr();
  problem_.args.relu = true;
  const at::Tensor sum = expected(problem_) + problem_.bias.to(at::kDouble).view({1, -1, 1, 1}) + problem_.other;
  for (const WordProducts by : products_) {
    SCOPED_TRACE(static_cast<int>(by));
    problem_.to.fill_(NAN);
    run(problem_, by);
    expect_close(problem_.to, sum.clamp_min(0));
  }
}

TEST_P(DirectConv, AddsInPlace) {
  problem_.args.other = problem_.other.const_data_ptr();
  for (const WordProducts by : products_) {
    SCOPED_TRACE(static_cast<int>(by));
    run(problem_, by);
    Problem in_place = problem_;
    in_place.to = problem_.other.clone();
    in_place.args.other = in_place.to.const_data_ptr();
    run(in_place, by);
    EXPECT_TRUE(at::equal(in_place.to, problem_.to));
  }
}

TEST_P(DirectConv, TheBitsDoNotDependOnThreadsNorOnTheNumberOfImages) {
  const int before = at::get_num_threads();
  for (const WordProducts by : products_) {
    SCOPED_TRACE(static_cast<int>(by));
    at::set_num_threads(3);
    run(problem_, by);
    at::set_num_threads(1);
    Problem one = problem_;
    one.from = problem_.from.narrow(0, problem_.from.size(0) - 1, 1);
    one.to = at::empty_like(problem_.to.narrow(0, 0, 1));
    one.args.conv.num_images = 1;
    run(one, by);
    EXPECT_TRUE(at::equal(one.to[0], problem_.to[problem_.to.size(0) - 1]));
  }
  at::set_num_threads(before);
}

TEST_P(DirectConv, NarrowProductsGiveTheSameBits) {
  if (GetParam().type != at::kFloat) return;  // sums of bfloat16 products have another order
  if (products_.size() < 2) GTEST_SKIP() << "there are no wider ones";
  run(problem_, WordProducts::kAvx512);
  Problem narrow = problem_;
  narrow.to = at::full_like(problem_.to, NAN);
  run(narrow, WordProducts::kAvx2);
  EXPECT_TRUE(at::equal(narrow.to, problem_.to));
}

TEST_P(DirectConv, NaNStays) {
  problem_.from.fill_(NAN);
  problem_.args.relu = true;
  const at::Tensor touched = expected(problem_).isnan();  // strides skip pixels
  for (const WordProducts by : products_) {
    SCOPED_TRACE(static_cast<int>(by));
    problem_.to.zero_();
    run(problem_, by);
    EXPECT_TRUE(at::equal(problem_.to.isnan(), touched));
  }
}

// Shapes with one image and with more than one task takes, more input channels than a block, taps outside of the whole
// image, strides with pixels left over, non-square images, more rows than the tiles are set up for at a time; few
// channels, which only AVX2 supports; and strides for which pixels meet no tap or only some.
INSTANTIATE_TEST_SUITE_P(Shapes, DirectConv,
                         testing::Values(Case{kForward, 1, 4, 4, 64, 64, 3, 1, 1, at::kFloat},
                                         Case{kForward, 1, 4, 4, 64, 64, 3, 1, 1, at::kBFloat16},
                                         Case{kForward, 37, 4, 4, 256, 128, 3, 1, 1, at::kFloat},
                                         Case{kForward, 37, 4, 4, 256, 128, 3, 1, 1, at::kBFloat16},
                                         Case{kForward, 5, 2, 2, 64, 64, 5, 1, 2, at::kFloat},
                                         Case{kForward, 3, 9, 6, 64, 128, 3, 2, 1, at::kBFloat16},
                                         Case{kForward, 3, 7, 7, 128, 64, 1, 2, 0, at::kFloat},
                                         Case{kForward, 35, 11, 12, 256, 32, 3, 1, 1, at::kBFloat16},
                                         Case{kForward, 2, 9, 9, 32, 96, 3, 3, 0, at::kBFloat16},
                                         Case{kForward, 29, 10, 8, 16, 48, 3, 1, 1, at::kFloat},
                                         Case{kForward, 3, 33, 32, 48, 16, 3, 2, 1, at::kFloat},
                                         Case{kForward, 2, 9, 7, 32, 16, 4, 3, 2, at::kFloat},
                                         Case{kInputGradient, 29, 10, 8, 48, 16, 3, 1, 1, at::kFloat},
                                         Case{kForward, 3, 4, 5, 16, 16, 1, 1, 1, at::kFloat},
                                         Case{kInputGradient, 5, 2, 3, 16, 32, 5, 1, 2, at::kFloat},
                                         Case{kInputGradient, 3, 33, 32, 16, 32, 3, 2, 1, at::kFloat},
                                         Case{kInputGradient, 2, 9, 7, 16, 32, 4, 3, 2, at::kFloat},
                                         Case{kInputGradient, 5, 9, 8, 16, 32, 1, 2, 0, at::kFloat},
                                         Case{kInputGradient, 35, 11, 12, 32, 512, 3, 2, 1, at::kBFloat16},
                                         Case{kInputGradient, 1, 4, 4, 64, 64, 3, 1, 1, at::kBFloat16},
                                         Case{kInputGradient, 37, 4, 4, 128, 256, 3, 1, 1, at::kFloat},
                                         Case{kInputGradient, 37, 4, 4, 128, 256, 3, 1, 1, at::kBFloat16},
                                         Case{kInputGradient, 5, 2, 2, 64, 64, 5, 1, 2, at::kBFloat16},
                                         Case{kInputGradient, 3, 9, 6, 128, 64, 3, 2, 1, at::kFloat},
                                         Case{kInputGradient, 3, 9, 6, 64, 128, 3, 2, 1, at::kBFloat16},
                                         Case{kInputGradient, 3, 7, 7, 64, 64, 1, 2, 0, at::kBFloat16}));

TEST(DirectConvShapes, NoImagesAreNoWork) {
  const Problem none = problem_of({kForward, 0, 4, 4, 64, 64, 3, 1, 1, at::kFloat});
  if (products_for(none.args).empty()) GTEST_SKIP() << "the processor lacks the instructions";
  Problem unasked = problem_of({kForward, 1, 4, 4, 64, 64, 3, 1, 1, at::kFloat});
  unasked.args.conv.num_images = 0;
  for (const WordProducts by : products_for(none.args)) {
    EXPECT_NO_THROW(run(none, by));
    run(unasked, by);
    EXPECT_TRUE(at::all(unasked.to.isnan()).item<bool>());  // unchanged
  }
}

TEST(DirectConvShapes, OthersAreLeftToOneDnn) {
  EXPECT_FALSE(direct_conv_takes(problem_of({kForward, 2, 4, 4, 72, 64, 3, 1, 1, at::kFloat}).args));
  EXPECT_FALSE(direct_conv_takes(problem_of({kForward, 2, 4, 4, 64, 72, 3, 1, 1, at::kFloat}).args));
  EXPECT_FALSE(direct_conv_takes(problem_of({kForward, 2, 4, 4, 96, 64, 3, 1, 1, at::kFloat}).args, kAvx512));
  EXPECT_FALSE(direct_conv_takes(problem_of({kForward, 2, 4, 4, 64, 96, 3, 1, 1, at::kFloat}).args, kAvx512));
  EXPECT_FALSE(direct_conv_takes(problem_of({kForward, 2, 4, 4, 64, 64, 3, 1, 1, at::kHalf}).args));
  EXPECT_FALSE(direct_conv_takes(problem_of({kForward, 2, 4, 4, 64, 64, 3, 1, 1, at::kHalf}).args, kAvx512));
  EXPECT_FALSE(direct_conv_pays(problem_of({kForward, 2, 48, 48, 64, 64, 3, 1, 1, at::kFloat}).args));
  const bool by_avx2 = word_products(ActivationType::kFloat32) == WordProducts::kAvx2;  // it is faster by AVX2
  EXPECT_EQ(direct_conv_pays(problem_of({kForward, 2, 32, 32, 64, 64, 3, 1, 1, at::kFloat}).args), by_avx2);
  EXPECT_EQ(direct_conv_pays(problem_of({kForward, 2, 4, 4, 64, 64, 1, 1, 0, at::kFloat}).args), by_avx2);
}

}  // namespace
}  // namespace thalweg
