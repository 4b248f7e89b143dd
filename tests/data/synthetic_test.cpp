#include "data/synthetic.h"

#include <gtest/gtest.h>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "expect_error.h"

namespace thalweg {
namespace {

DataSet make(std::int64_t train, std::int64_t test, std::uint64_t seed = 0) {
  return make_synthetic({.train_images = train, .test_images = test, .seed = seed});
}

TEST(Synthetic, HasItsDefaultSizesAndCifarsShape) {
  const DataSet set = make(0, 0);
  EXPECT_EQ(set.train.images.sizes(), (at::IntArrayRef{5000, 3, 32, 32}));
  EXPECT_EQ(set.test.images.sizes(), (at::IntArrayRef{2000, 3, 32, 32}));
  EXPECT_EQ(set.train.images.scalar_type(), at::kByte);
  EXPECT_EQ(set.train.labels.scalar_type(), at::kLong);
  EXPECT_EQ(set.num_classes(), 10);
}

TEST(Synthetic, AnyPrefixIsStable) {
  const DataSet large = make(301, 77);
  const DataSet small = make(33, 1);
  EXPECT_TRUE(at::equal(small.train.images, large.train.images.narrow(0, 0, 33)));
  EXPECT_TRUE(at::equal(small.train.labels, large.train.labels.narrow(0, 0, 33)));
  EXPECT_TRUE(at::equal(small.test.images, large.test.images.narrow(0, 0, 1)));
}

TEST(Synthetic, SplitsAndSeedsDiffer) {
  const DataSet set = make(10, 10);
  EXPECT_FALSE(at::equal(set.train.images, set.test.images));
  EXPECT_FALSE(at::equal(set.train.images, make(10, 10, 1).train.images));
  EXPECT_FALSE(at::equal(make(10, 10, 1).train.images, make(10, 10, 1ull << 40 | 1).train.images));
}

TEST(Synthetic, ImagesAreAllDifferent) {
  const at::Tensor rows = make(120, 1).train.images.flatten(1).to(at::kFloat);
  const at::Tensor distances = at::cdist(rows, rows, 1) / rows.size(1);  // mean difference per pixel
  EXPECT_GT((distances + 255 * at::eye(120)).min().item<float>(), 5.0F);
}

TEST(Synthetic, TestLabelsAreRightAndBalanced) {
  const at::Tensor labels = make(1, 2000).test.labels;
  EXPECT_TRUE(at::equal(labels, at::arange(2000, at::kLong).remainder(10)));
}

TEST(Synthetic, OneTrainingLabelInTenIsWrong) {
  const at::Tensor labels = make(20000, 1).train.labels;
  const at::Tensor shift = (labels - at::arange(20000, at::kLong)).remainder(10);
  // The number of successes in 20,000 draws with probability 0.1 has a standard deviation of 42.
  EXPECT_NEAR(static_cast<double>(shift.ne(0).sum().item<std::int64_t>()), 2000, 5 * 42);
  for (int other = 1; other < 10; ++other) {  // each wrong class about equally often: 222, deviation 15
    EXPECT_NEAR(static_cast<double>(shift.eq(other).sum().item<std::int64_t>()), 222, 5 * 15) << other;
  }
}

TEST(Synthetic, RefusesSizesBeyondItsMaxima) {
  expect_usage_error([] { make(50001, 1); }, "data.train_images is 50001");
  expect_usage_error([] { make(1, 10001); }, "data.test_images is 10001");
  expect_usage_error([] { make(-1, 1); }, "data.train_images is -1");
}

}  // namespace
}  // namespace thalweg
