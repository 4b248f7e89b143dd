#include "kernels/augment.h"

#include <set>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "nn/images.h"

namespace thalweg {
namespace {

const std::vector<double> kMean = {0.5, 0.4, 0.3};
const std::vector<double> kStd = {0.2, 0.25, 0.3};

at::Tensor random_images(std::int64_t n) {
  return at::randint(0, 256, {n, 3, 32, 32}, at::detail::createCPUGenerator(17)).to(at::kByte);
}

ImageBatches batches(const at::Tensor& images) {
  return {images, at::zeros({images.size(0)}, at::kLong), kMean, kStd, at::kCPU};
}

// The images `indices` as augmented in epoch `epoch`.
at::Tensor augmented(const ImageBatches& source, const at::Tensor& indices, const AugmentSpec& spec, std::uint64_t seed,
                     std::uint32_t epoch) {
  StepControl control;
  control.epoch = epoch;
  return source.training_batch(indices, indices.size(0), &control, {spec, false, seed}).images;
}

at::Tensor normalised(const at::Tensor& images) {
  const at::Tensor mean = at::tensor(kMean).view({1, 3, 1, 1});
  const at::Tensor std = at::tensor(kStd).view({1, 3, 1, 1});
  return ((images.to(at::kDouble) / 255 - mean) / std).to(at::kFloat);
}

TEST(MakeBatch, NormalisesWithoutAugmentation) {
  const at::Tensor images = random_images(9);
  const at::Tensor got = batches(images).range(2, 9);
  EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast));
  // One multiply-add in float32 differs from double by up to 1e-6 for values up to 4.
  EXPECT_TRUE(at::allclose(got, normalised(images.slice(0, 2, 9)), 1e-5, 1e-6));
}

TEST(MakeBatch, IsAFunctionOfSeedEpochAndImageAlone) {
  const ImageBatches source = batches(random_images(20));
  const AugmentSpec spec{4, true, 8};
  const at::Tensor all = augmented(source, at::arange(20, at::kLong), spec, 3, 5);
  const at::Tensor some = augmented(source, at::tensor({13, 2}, at::kLong), spec, 3, 5);
  EXPECT_TRUE(at::equal(some[0], all[13]));
  EXPECT_TRUE(at::equal(some[1], all[2]));
  EXPECT_FALSE(at::equal(all, augmented(source, at::arange(20, at::kLong), spec, 3, 6)));
  EXPECT_FALSE(at::equal(all, augmented(source, at::arange(20, at::kLong), spec, 4, 5)));
}

TEST(MakeBatch, APartOfABatchIsThatPartOfTheWhole) {
  const at::Tensor images = random_images(20);
  const ImageBatches source(images, at::arange(20, at::kLong), kMean, kStd, at::kCPU);
  const at::Tensor order = at::randperm(20, at::detail::createCPUGenerator(5), at::kLong);
  StepControl control;
  control.epoch = 2;
  control.position = 6;
  control.mix = 0.3f;
  const auto make = [&](std::int64_t first, std::int64_t size) {
    return source.training_batch(order, size, &control, {{4, true, 0}, true, 3, at::kFloat, first, 11});
  };
  const ImageBatches::TrainingBatch whole = make(0, 11);
  EXPECT_TRUE(at::equal(whole.labels, order.slice(0, 6, 17)));
  EXPECT_TRUE(at::equal(whole.partners, order.slice(0, 6, 17).flip(0)));
  for (const auto& [first, size] : {std::pair{0, 4}, {4, 5}, {9, 2}}) {
    const ImageBatches::TrainingBatch part = make(first, size);
    EXPECT_TRUE(at::equal(part.images, whole.images.slice(0, first, first + size)));
    EXPECT_TRUE(at::equal(part.labels, whole.labels.slice(0, first, first + size)));
    EXPECT_TRUE(at::equal(part.partners, whole.partners.slice(0, first, first + size)));
  }
}

// A batch of 7 images of 5 x 6 pixels and two channels, stored as three, with every augmentation.
TEST(MakeBatch, IsItsFormulaPixelByPixel) {
  const at::Tensor images = at::randint(0, 256, {9, 2, 5, 6}, at::detail::createCPUGenerator(4)).to(at::kByte);
  const at::Tensor labels = at::arange(9, at::kLong), order = at::tensor({3, 8, 1, 0, 5, 2, 7}, at::kLong);
  const at::Tensor out = at::full({7, 5, 6, 3}, NAN), marked = at::empty({2, 7}, at::kLong);
  const float scale[] = {0.02f, 0.013f}, shift[] = {-1.7f, 0.4f};
  StepControl control;
  control.epoch = 3;
  control.mix = 0.3f;
  BatchArgs args;
  args.images = images.const_data_ptr<std::uint8_t>();
  args.labels = labels.const_data_ptr<std::int64_t>();
  args.indices = order.const_data_ptr<std::int64_t>();
  args.num_images = args.batch_size = 7;
  args.channels = 2, args.height = 5, args.width = 6, args.out_channels = 3;
  args.scale = scale, args.shift = shift;
  args.control = &control;
  args.out = out.data_ptr();
  args.out_labels = marked.data_ptr<std::int64_t>();
  args.out_partners = args.out_labels + 7;
  const auto expected = [&](std::int64_t n, int c, int y, int x) {
    if (c == 2) return 0.0f;
    const std::int64_t index = batch_index(args, n), partner = partner_index(args, n);
    const float value = augmented_pixel(args, draw_augmentation(args, index), index, c, y, x);
    if (!args.mixup) return value;
    return mixed(args, value, augmented_pixel(args, draw_augmentation(args, partner), partner, c, y, x));
  };
  for (const AugmentSpec spec :
       {AugmentSpec{}, {0, true, 0}, {3, false, 0}, {8, true, 0}, {0, false, 3}, {2, true, 9}}) {
    for (const int way : {0, 1, 2, 3}) {
      args.augment = spec;
      args.mixup = way % 2 == 1;
      args.planar = way / 2 == 1;
      out.fill_(NAN);
      make_batch_cpu(args);
      const at::Tensor got = args.planar ? out.view({7, 3, 5, 6}) : out.permute({0, 3, 1, 2});
      const auto value = got.accessor<float, 4>();
      for (std::int64_t i = 0; i < got.numel(); ++i) {
        const int x = static_cast<int>(i % 6), y = static_cast<int>(i / 6 % 5), c = static_cast<int>(i / 30 % 3);
        ASSERT_EQ(value[i / 90][c][y][x], expected(i / 90, c, y, x)) << "value " << i << ", way " << way;
      }
    }
  }
}

TEST(MakeBatch, HoldsTheSameValuesInBothLayouts) {
  const ImageBatches source = batches(random_images(7));
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor planar = source.range(1, 7, type, at::MemoryFormat::Contiguous);
    EXPECT_TRUE(planar.is_contiguous());
    EXPECT_TRUE(at::equal(planar, source.range(1, 7, type)));
  }
}

// Each augmented image must be one of the windows obtained by padding, shifting and mirroring with plain tensor
// operations.
TEST(MakeBatch, CropsAndFlipsAsPaddedWindows) {
  const std::int64_t n = 300;
  const at::Tensor images = random_images(n);
  const at::Tensor got = augmented(batches(images), at::arange(n, at::kLong), {2, true, 0}, 1, 0);
  const at::Tensor plain = batches(images).range(0, n);
  const at::Tensor padded = at::constant_pad_nd(plain, {2, 2, 2, 2});
  const at::Tensor mirrored = at::constant_pad_nd(plain.flip(3), {2, 2, 2, 2});
  std::set<std::tuple<int, int, int>> seen;
  for (std::int64_t i = 0; i < n; ++i) {
    int matches = 0;
    for (int flip = 0; flip < 2; ++flip) {
      for (int y = 0; y <= 4; ++y) {
        for (int x = 0; x <= 4; ++x) {
          const at::Tensor window = (flip != 0 ? mirrored : padded)[i].slice(1, y, y + 32).slice(2, x, x + 32);
          if (!at::equal(window, got[i])) continue;
          ++matches;
          seen.insert({flip, y, x});
        }
      }
    }
    EXPECT_EQ(matches, 1) << "image " << i;
  }
  EXPECT_EQ(seen.size(), 50u);  // every offset and both orientations occur
}

TEST(MakeBatch, CutoutBlanksASquareAndNothingElse) {
  const at::Tensor images = random_images(50);
  const ImageBatches source = batches(images);
  const at::Tensor plain = source.range(0, 50);
  const at::Tensor got = augmented(source, at::arange(50, at::kLong), {0, false, 8}, 1, 0);
  for (std::int64_t i = 0; i < 50; ++i) {
    const at::Tensor changed = got[i].ne(plain[i]).any(0);
    EXPECT_TRUE(at::equal(got[i].masked_select(changed), at::zeros_like(got[i].masked_select(changed))));
    const at::Tensor rows = changed.any(1).nonzero();
    const at::Tensor columns = changed.any(0).nonzero();
    EXPECT_LE(rows.size(0), 8);
    EXPECT_GE(rows.size(0), 4);  // the border clips at most half
    EXPECT_EQ(changed.sum().item<std::int64_t>(), rows.size(0) * columns.size(0));
  }
}

}  // namespace
}  // namespace thalweg
