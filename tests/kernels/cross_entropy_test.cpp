// Compares the training loss and its gradient with LibTorch's in double.
#include "kernels/cross_entropy.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace thalweg {
namespace {

struct Case {
  std::int64_t images, classes;
  double smoothing;
  float mix;  // if below 1, mixes with the labels in reverse order
};

class CrossEntropy : public testing::TestWithParam<Case> {};

// Includes more images than the GPU kernel has threads, and a multiple of that number.
INSTANTIATE_TEST_SUITE_P(Cases, CrossEntropy,
                         testing::Values(Case{1, 2, 0, 1}, Case{512, 10, 0, 1}, Case{1300, 10, 0.1, 1},
                                         Case{700, 100, 0.2, 0.3f}));

TEST_P(CrossEntropy, LossGradientAndSumsAreLibTorchs) {
  const Case& c = GetParam();
  auto generator = at::detail::createCPUGenerator(3);
  const at::Tensor logits = at::randn({c.images, c.classes}, generator) * 3;
  const at::Tensor labels = at::randint(0, c.classes, {c.images}, generator), others = labels.flip(0).contiguous();
  const std::int64_t batch_size = 2 * c.images;  // a slice of a batch
  const at::Tensor gradient = at::full_like(logits, NAN);
  double sums[3] = {10, 20, 30};  // accumulated over batches
  float loss = 0.5f;
  CrossEntropyArgs args;
  args.logits = logits.const_data_ptr<float>();
  args.labels = labels.const_data_ptr<std::int64_t>();
  if (c.mix < 1) args.other_labels = others.const_data_ptr<std::int64_t>(), args.mix = &c.mix;
  args.num_images = c.images;
  args.batch_size = batch_size;
  args.num_classes = c.classes;
  args.smoothing = c.smoothing;
  args.gradient = gradient.mutable_data_ptr<float>();
  args.sums = sums;
  args.loss = &loss;
  cross_entropy_cpu(args);

  const at::Tensor wide = logits.to(at::kDouble);
  const auto loss_of = [&](const at::Tensor& wanted) {
    return at::cross_entropy_loss(wide, wanted, {}, at::Reduction::Sum, -100, c.smoothing).item<double>();
  };
  const double share = static_cast<double>(c.mix), total = share * loss_of(labels) + (1 - share) * loss_of(others);
  EXPECT_NEAR(sums[0] - 10, total, 1e-9 * total);
  EXPECT_EQ(sums[1] - 20, (wide.argmax(1) == labels).sum().item<double>());
  EXPECT_EQ(sums[2] - 30, static_cast<double>(c.images));
  EXPECT_NEAR(loss - 0.5f, total / static_cast<double>(batch_size), 1e-5);
  const auto one_hot = [&](const at::Tensor& wanted) { return at::one_hot(wanted, c.classes).to(at::kDouble); };
  const at::Tensor hits = share * one_hot(labels) + (1 - share) * one_hot(others);
  const at::Tensor target = (1 - c.smoothing) * hits + c.smoothing / static_cast<double>(c.classes);
  const at::Tensor expected = (at::softmax(wide, 1) - target) / static_cast<double>(batch_size);
  EXPECT_TRUE(at::allclose(gradient.to(at::kDouble), expected, 1e-6, 1e-12));
}

}  // namespace
}  // namespace thalweg
