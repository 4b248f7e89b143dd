#include "kernels/loss.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace thalweg {
namespace {

struct Losses {
  std::vector<double> losses;
  std::vector<std::int32_t> correct;
};

Losses image_losses(const at::Tensor& logits, const at::Tensor& labels) {
  const auto n = static_cast<std::size_t>(labels.size(0));
  Losses out{std::vector<double>(n), std::vector<std::int32_t>(n)};
  LossArgs args;
  args.logits = logits.const_data_ptr<float>();
  args.labels = labels.const_data_ptr<std::int64_t>();
  args.num_images = labels.size(0);
  args.num_classes = logits.size(1);
  args.losses = out.losses.data();
  args.correct = out.correct.data();
  image_losses_cpu(args);
  return out;
}

TEST(ImageLosses, EqualDoublePrecisionCrossEntropy) {
  auto generator = at::detail::createCPUGenerator(5);
  for (const std::int64_t n : {0, 1, 3, 1000}) {
    const at::Tensor logits = at::randn({n, 7}, generator) * 30;  // so large that naive exponentials would overflow
    const at::Tensor labels = at::randint(0, 7, {n}, generator);
    const Losses got = image_losses(logits, labels);
    const at::Tensor wide = logits.to(at::kDouble);
    for (std::int64_t i = 0; i < n; ++i) {
      const double expected = (at::logsumexp(wide[i], 0) - wide[i][labels[i].item<std::int64_t>()]).item<double>();
      EXPECT_NEAR(got.losses[static_cast<std::size_t>(i)], expected, 1e-12 * (1 + expected));
      EXPECT_EQ(got.correct[static_cast<std::size_t>(i)], wide[i].argmax().equal(labels[i]) ? 1 : 0);
    }
  }
}

TEST(ImageLosses, KeepNanAndNeverCallItCorrect) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor logits = at::tensor({nan, 1.0f, 2.0f, 5.0f, nan, 1.0f, 1.0f, 2.0f, 3.0f}).view({3, 3});
  const Losses got = image_losses(logits, at::tensor({0, 0, 2}, at::kLong));
  EXPECT_TRUE(std::isnan(got.losses[0]));
  EXPECT_TRUE(std::isnan(got.losses[1]));
  EXPECT_EQ(got.correct, (std::vector<std::int32_t>{0, 0, 1}));
}

TEST(ImageLosses, GrowWithoutBoundForInfiniteLogits) {
  const float infinity = std::numeric_limits<float>::infinity();
  const at::Tensor logits = at::tensor({0.0f, -infinity, 0.0f, infinity}).view({2, 2});
  const Losses got = image_losses(logits, at::tensor({1, 0}, at::kLong));
  EXPECT_EQ(got.losses[0], std::numeric_limits<double>::infinity());
  EXPECT_FALSE(std::isfinite(got.losses[1]));
}

TEST(ImageLosses, TiesGoToTheFirstClass) {
  const at::Tensor logits = at::zeros({2, 4});
  EXPECT_EQ(image_losses(logits, at::tensor({0, 1}, at::kLong)).correct, (std::vector<std::int32_t>{1, 0}));
}

TEST(SumLosses, AddsInOrderOfTheImages) {
  // Adding 1 to 1e16 twice loses both; adding the ones first would not.
  const std::vector<double> losses = {1e16, 1.0, 1.0};
  const std::vector<std::int32_t> correct = {1, 0, 1};
  const LossSums sums = sum_losses_cpu(losses.data(), correct.data(), 3);
  EXPECT_EQ(sums.loss, (1e16 + 1.0) + 1.0);
  EXPECT_EQ(sums.correct, 2);
  EXPECT_EQ(sum_losses_cpu(nullptr, nullptr, 0).loss, 0);
}

}  // namespace
}  // namespace thalweg
