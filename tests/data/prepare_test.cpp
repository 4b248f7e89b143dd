#include "data/prepare.h"

#include <set>

#include <gtest/gtest.h>

#include <ATen/Functions.h>

#include "expect_error.h"

namespace thalweg {
namespace {

ImageSet counted_images(std::int64_t count, std::int64_t height, std::int64_t width) {
  const at::Tensor pixels = at::arange(1, count * 2 * height * width + 1, at::kByte);
  return {pixels.view({count, 2, height, width}), at::zeros({count}, at::kLong)};
}

TEST(PadImages, PutsABorderOfZerosAround) {
  DataSet set;
  set.train = counted_images(3, 4, 5);
  set.test = counted_images(1, 4, 5);
  const at::Tensor before = set.train.images.clone();
  pad_images(set, 7);
  EXPECT_EQ(set.test.images.sizes(), (at::IntArrayRef{1, 2, 7, 7}));
  ASSERT_EQ(set.train.images.sizes(), (at::IntArrayRef{3, 2, 7, 7}));
  EXPECT_EQ(set.train.images.scalar_type(), at::kByte);
  EXPECT_TRUE(set.train.images.is_contiguous());
  // Three extra rows: one above, two below. Two extra columns: one on each side.
  EXPECT_TRUE(at::equal(set.train.images.narrow(2, 1, 4).narrow(3, 1, 5), before));
  EXPECT_EQ(set.train.images.sum().item<int>(), before.sum().item<int>());
}

TEST(PadImages, LeavesImagesOfThatSizeAsTheyAre) {
  DataSet set;
  set.train = set.test = counted_images(2, 4, 4);
  const at::Tensor before = set.train.images.clone();
  pad_images(set, 4);
  EXPECT_TRUE(at::equal(set.train.images, before));
}

TEST(PadImages, RefusesToCrop) {
  DataSet set;
  set.train = set.test = counted_images(2, 3, 5);
  expect_usage_error([&] { pad_images(set, 4); }, "data.pad_to is 4, but the images have 3x5 pixels");
}

// A set with `sizes[c]` images of class c, interleaved; each image contains its own index.
DataSet numbered_set(const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> labels, left = sizes;
  for (bool any = true; any;) {
    any = false;
    for (std::size_t label = 0; label < sizes.size(); ++label) {
      if (left[label]-- > 0) labels.push_back(static_cast<std::int64_t>(label)), any = true;
    }
  }
  DataSet set;
  set.class_names.resize(sizes.size());
  const auto count = static_cast<std::int64_t>(labels.size());
  set.train = {at::arange(count, at::kByte).view({count, 1, 1, 1}), at::tensor(labels, at::kLong)};
  return set;
}

std::vector<std::int64_t> numbers(const ImageSet& set) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < set.size(); ++i) out.push_back(set.images[i].item<std::int64_t>());
  return out;
}

std::vector<std::int64_t> held_out(const std::vector<std::int64_t>& sizes, std::int64_t count, std::uint64_t seed) {
  DataSet set = numbered_set(sizes);
  hold_out_validation(set, count, seed);
  return numbers(set.validation);
}

TEST(HoldOutValidation, SplitsInTwoAndKeepsTheOrder) {
  const DataSet before = numbered_set({20, 40, 10});
  DataSet set = before;
  hold_out_validation(set, 14, 5);
  ASSERT_EQ(set.validation.size(), 14);
  ASSERT_EQ(set.train.size(), 56);
  std::set<std::int64_t> all;
  for (const ImageSet* split : {&set.train, &set.validation}) {
    const auto images = numbers(*split);
    EXPECT_TRUE(std::is_sorted(images.begin(), images.end()));
    all.insert(images.begin(), images.end());
    for (std::int64_t i = 0; i < split->size(); ++i) {
      const auto image = images[static_cast<std::size_t>(i)];
      EXPECT_EQ(split->labels[i].item<int>(), before.train.labels[image].item<int>());
    }
  }
  EXPECT_EQ(all.size(), 70u);
}

TEST(HoldOutValidation, TakesFromEachClassInProportion) {
  DataSet set = numbered_set({20, 40, 10, 0});
  hold_out_validation(set, 14, 5);
  EXPECT_TRUE(at::equal(set.validation.labels.bincount({}, 4), at::tensor({4, 8, 2, 0}, at::kLong)));
  // If the count does not divide evenly, each class is off by less than one image.
  for (std::int64_t count = 0; count < 70; ++count) {
    DataSet other = numbered_set({20, 40, 10, 0});
    hold_out_validation(other, count, 6);
    const at::Tensor counts = other.validation.labels.bincount({}, 4);
    const std::vector<double> sizes = {20, 40, 10, 0};
    for (std::size_t label = 0; label < sizes.size(); ++label) {
      const double share = sizes[label] * static_cast<double>(count) / 70;
      EXPECT_LE(std::abs(counts[static_cast<std::int64_t>(label)].item<double>() - share), 1.0) << count;
    }
  }
}

TEST(HoldOutValidation, SmallerSplitsArePartsOfLargerOnes) {
  const auto large = held_out({20, 40, 10}, 30, 5), small = held_out({20, 40, 10}, 11, 5);
  EXPECT_TRUE(std::includes(large.begin(), large.end(), small.begin(), small.end()));
}

// Recorded values: a run's digest depends on which images a seed holds out.
TEST(HoldOutValidation, DependsOnTheSeedAlone) {
  EXPECT_EQ(held_out({9, 9}, 4, 0), held_out({9, 9}, 4, 0));
  EXPECT_NE(held_out({9, 9}, 4, 0), held_out({9, 9}, 4, 1));
  EXPECT_EQ(held_out({9, 9}, 4, 0), (std::vector<std::int64_t>{0, 3, 6, 13}));
}

TEST(HoldOutValidation, LeavesOneImageAtLeast) {
  EXPECT_EQ(held_out({2, 1}, 2, 0).size(), 2u);
  expect_usage_error([] { held_out({2, 1}, 3, 0); }, "data.validation_images is 3, but the training split has 3");
}

}  // namespace
}  // namespace thalweg
