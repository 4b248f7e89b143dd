// Compares the weight gradient with LibTorch's in double.
#include "kernels/weight_gradient.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "nn/activation_type.h"

namespace thalweg {
namespace {

struct Case {
  std::int64_t images, height, width, channels, filters, kernel, stride, padding;
  at::ScalarType type;
};

struct Problem {
  at::Tensor x, dy;  // channels-last
  WeightGradientArgs args;
};

Problem problem_of(const Case& c) {
  auto generator = at::detail::createCPUGenerator(7);
  const std::int64_t height = (c.height + 2 * c.padding - c.kernel) / c.stride + 1;
  const std::int64_t width = (c.width + 2 * c.padding - c.kernel) / c.stride + 1;
  const auto random = [&](at::IntArrayRef sizes) {
    return at::randn(sizes, generator).to(c.type).contiguous(at::MemoryFormat::ChannelsLast);
  };
  Problem problem{random({c.images, c.channels, c.height, c.width}), random({c.images, c.filters, height, width}), {}};
  WeightGradientArgs& args = problem.args;
  args.conv = {c.images, c.height, c.width, c.channels, height, width, c.filters, c.kernel, c.stride, c.padding};
  args.type = activation_type_of(problem.x);
  args.x = problem.x.const_data_ptr();
  args.dy = problem.dy.const_data_ptr();
  return problem;
}

// The products that the processor supports for the type and that can handle the shape.
std::vector<WordProducts> products_for(const WeightGradientArgs& args) {
  std::vector<WordProducts> all;
  for (const WordProducts by : {WordProducts::kAvx2, WordProducts::kAvx512, WordProducts::kTiles}) {
    if (by <= word_products(args.type) && weight_gradient_takes(args, by)) all.push_back(by);
  }
  return all;
}

at::Tensor gradient(const Problem& problem, WordProducts by) {
  WeightGradientArgs args = problem.args;
  // Previous contents of the memory must not matter.
  const ConvSizes& conv = args.conv;
  const at::Tensor dw = at::full({conv.filters, conv.kernel, conv.kernel, conv.channels}, NAN);
  std::vector<std::uint32_t> work(static_cast<std::size_t>(weight_gradient_work(args, by)), 0x7FC07FC0u);
  args.dw = dw.mutable_data_ptr<float>();
  args.work = work.data();
  weight_gradient_cpu(args, by);
  return dw.permute({0, 3, 1, 2});
}

class WeightGradient : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (products_.empty()) GTEST_SKIP() << "the processor lacks the instructions";
  }
  const Case& case_ = GetParam();
  const Problem problem_ = problem_of(case_);
  const std::vector<WordProducts> products_ = products_for(problem_.args);
};

TEST_P(WeightGradient, EqualsLibTorchsInDouble) {
  const at::Tensor w = at::zeros({case_.filters, case_.channels, case_.kernel, case_.kernel}, at::kDouble);
  const std::array<std::int64_t, 2> stride{case_.stride, case_.stride}, padding{case_.padding, case_.padding};
  const at::Tensor wanted = std::get<1>(
      at::convolution_backward(problem_.dy.to(at::kDouble), problem_.x.to(at::kDouble), w, at::OptionalIntArrayRef(),
                               stride, padding, {1, 1}, false, {0, 0}, 1, {false, true, false}));
  // For both types, products are exact or rounded once in float32, and so are the sums.
  for (const WordProducts by : products_) {
    SCOPED_TRACE(static_cast<int>(by));
    const double error = (gradient(problem_, by).to(at::kDouble) - wanted).abs().max().item<double>();
    EXPECT_LT(error, 1e-5 * (1 + wanted.abs().max().item<double>()));
  }
}

TEST_P(WeightGradient, TheBitsDoNotDependOnTheThreads) {
  const int before = at::get_num_threads();
  for (const WordProducts by : products_) {
    SCOPED_TRACE(static_cast<int>(by));
    at::set_num_threads(1);
    const at::Tensor one = gradient(problem_, by);
    at::set_num_threads(3);
    EXPECT_TRUE(at::equal(one, gradient(problem_, by)));
  }
  at::set_num_threads(before);
}

// Shapes with an odd number of images (down to one), more than one chunk of images or rows, taps outside of the whole
// image, and strides with pixels left over; for AVX2 both few and many weights.
INSTANTIATE_TEST_SUITE_P(
    Shapes, WeightGradient,
    testing::Values(Case{1, 4, 4, 32, 8, 3, 1, 1, at::kFloat}, Case{1, 4, 4, 32, 8, 3, 1, 1, at::kBFloat16},
                    Case{37, 8, 8, 32, 16, 3, 1, 1, at::kFloat}, Case{70, 4, 4, 48, 13, 3, 1, 1, at::kFloat},
                    Case{5, 33, 32, 16, 6, 3, 1, 1, at::kFloat}, Case{5, 33, 32, 16, 136, 3, 1, 1, at::kFloat},
                    Case{70, 4, 4, 48, 47, 3, 1, 1, at::kFloat}, Case{9, 7, 6, 64, 33, 3, 2, 1, at::kFloat},
                    Case{3, 2, 2, 64, 40, 5, 1, 2, at::kFloat}, Case{9, 7, 7, 16, 32, 1, 2, 0, at::kFloat},
                    Case{17, 9, 6, 16, 17, 4, 3, 2, at::kFloat}, Case{37, 8, 8, 64, 24, 3, 1, 1, at::kBFloat16},
                    Case{5, 2, 2, 32, 8, 5, 1, 2, at::kFloat}, Case{6, 2, 2, 32, 8, 5, 1, 2, at::kBFloat16},
                    Case{7, 9, 6, 32, 8, 3, 2, 1, at::kFloat}, Case{7, 9, 6, 32, 8, 3, 2, 1, at::kBFloat16},
                    Case{70, 4, 4, 64, 32, 3, 1, 1, at::kBFloat16}, Case{33, 17, 19, 32, 64, 3, 1, 1, at::kBFloat16},
                    Case{65, 15, 30, 32, 32, 3, 2, 1, at::kBFloat16}, Case{2, 2, 2, 32, 32, 5, 1, 2, at::kBFloat16},
                    Case{3, 7, 7, 64, 16, 1, 2, 0, at::kBFloat16}, Case{3, 40, 30, 32, 8, 3, 1, 0, at::kBFloat16}));

TEST(WeightGradientShapes, OfNoImagesItIsZero) {
  const Problem problem = problem_of({0, 4, 4, 32, 8, 3, 1, 1, at::kFloat});
  if (products_for(problem.args).empty()) GTEST_SKIP() << "the processor lacks the instructions";
  for (const WordProducts by : products_for(problem.args)) EXPECT_TRUE((gradient(problem, by) == 0).all().item<bool>());
}

TEST(WeightGradientShapes, OthersAreLeftToOneDnn) {
  EXPECT_FALSE(weight_gradient_takes(problem_of({2, 4, 4, 33, 8, 3, 1, 1, at::kFloat}).args));
  EXPECT_FALSE(weight_gradient_takes(problem_of({2, 4, 4, 32, 9, 3, 1, 1, at::kFloat}).args, WordProducts::kAvx512));
  EXPECT_FALSE(weight_gradient_takes(problem_of({2, 4, 4, 32, 9, 3, 1, 1, at::kBFloat16}).args));
  EXPECT_FALSE(weight_gradient_takes(problem_of({2, 4, 4, 64, 64, 3, 1, 1, at::kHalf}).args, WordProducts::kAvx512));
  EXPECT_FALSE(weight_gradient_takes(problem_of({2, 4, 4, 64, 64, 3, 1, 1, at::kBFloat16}).args, WordProducts::kAvx2));
  EXPECT_FALSE(weight_gradient_takes(problem_of({2, 4, 4, 32, 8, 3, 1, 1, at::kHalf}).args));
  EXPECT_FALSE(weight_gradient_pays(problem_of({2, 48, 48, 128, 8, 3, 1, 1, at::kFloat}).args));
  EXPECT_FALSE(weight_gradient_pays(problem_of({2, 32, 32, 128, 8, 1, 1, 0, at::kFloat}).args));
  EXPECT_EQ(weight_gradient_pays(problem_of({2, 32, 32, 128, 8, 3, 1, 1, at::kFloat}).args),
            word_products(ActivationType::kFloat32) == WordProducts::kAvx2);
}

}  // namespace
}  // namespace thalweg
