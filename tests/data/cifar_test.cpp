#include "data/cifar.h"

#include <gtest/gtest.h>

#include <ATen/Functions.h>

#include "data/cifar_files.h"
#include "expect_error.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

TEST(Cifar, ReadsTheFilesInOrderChannelFirst) {
  const TempFolder folder;
  const CifarFormat format = small_format("cifar10", 3, 2);
  write_small_set(format, folder.path());
  const DataSet set = read_cifar(format, folder.path());
  EXPECT_EQ(set.train.images.sizes(), (at::IntArrayRef{15, 3, 32, 32}));
  EXPECT_EQ(set.test.images.sizes(), (at::IntArrayRef{2, 3, 32, 32}));
  EXPECT_EQ(set.train.images.scalar_type(), at::kByte);
  EXPECT_EQ(set.train.labels.scalar_type(), at::kLong);
  const auto images = set.train.images.accessor<std::uint8_t, 4>();
  // Record 1 of data_batch_3.bin is image 7, with seed 201; blue (2), row 5, column 9.
  EXPECT_EQ(images[7][2][5][9], (201 + 2 * 1024 + 5 * 32 + 9) % 251);
  EXPECT_EQ(set.train.labels[7].item<std::int64_t>(), 1);
  EXPECT_EQ(set.test.images[1][0][0][0].item<int>(), (501) % 251);
  EXPECT_EQ(set.num_classes(), 10);
  EXPECT_EQ(set.class_names[5], "dog");
}

TEST(Cifar, TakesTheFineLabelOfCifar100) {
  const TempFolder folder;
  const CifarFormat format = small_format("cifar100", 2, 1);
  write_bytes(folder.path() / "train.bin", record({19, 99}, 1) + record({0, 7}, 2));
  write_bytes(folder.path() / "test.bin", record({3, 20}, 3));
  const DataSet set = read_cifar(format, folder.path());
  EXPECT_EQ(set.train.labels[0].item<std::int64_t>(), 99);
  EXPECT_EQ(set.train.labels[1].item<std::int64_t>(), 7);
  EXPECT_EQ(set.test.labels[0].item<std::int64_t>(), 20);
  EXPECT_EQ(set.train.images[1][0][0][0].item<int>(), 2);
  EXPECT_EQ(set.num_classes(), 100);
  EXPECT_EQ(set.class_names[42], "class 42");
}

TEST(Cifar, TakesTheFirstImagesOfASplitAcrossFiles) {
  const TempFolder folder;
  const CifarFormat format = small_format("cifar10", 3, 2);
  write_small_set(format, folder.path());
  const DataSet all = read_cifar(format, folder.path());
  for (const std::int64_t count : {1, 3, 4, 15}) {
    const DataSet some = read_cifar(format, folder.path(), count, 1);
    EXPECT_TRUE(at::equal(some.train.images, all.train.images.narrow(0, 0, count))) << count;
    EXPECT_TRUE(at::equal(some.train.labels, all.train.labels.narrow(0, 0, count))) << count;
    EXPECT_EQ(some.test.size(), 1);
  }
}

TEST(Cifar, RefusesToReadMoreImagesThanThereAre) {
  const TempFolder folder;
  const CifarFormat format = small_format("cifar10", 3, 2);
  write_small_set(format, folder.path());
  expect_usage_error([&] { read_cifar(format, folder.path(), 16); }, "data.train_images is 16, but CIFAR-10 has 15");
  expect_usage_error([&] { read_cifar(format, folder.path(), 0, 3); }, "data.test_images is 3, but CIFAR-10 has 2");
  expect_usage_error([&] { read_cifar(format, folder.path(), -1); }, "data.train_images is -1");
}

TEST(Cifar, NamesClassesFromTheNamesFile) {
  const TempFolder folder;
  const CifarFormat format = small_format("cifar10", 1, 1);
  write_small_set(format, folder.path());
  write_bytes(folder.path() / "batches.meta.txt", "a\r\nb\nc c\nd\ne\nf\ng\nh\ni\nj\n\n\n");
  const DataSet set = read_cifar(format, folder.path());
  EXPECT_EQ(set.class_names, (std::vector<std::string>{"a", "b", "c c", "d", "e", "f", "g", "h", "i", "j"}));
  write_bytes(folder.path() / "batches.meta.txt", "a\nb\n");
  expect_error([&] { read_cifar(format, folder.path()); },
               "batches.meta.txt: lists 2 class names, but CIFAR-10 has 10 classes");
}

TEST(Cifar, NamesTheMissingFile) {
  const TempFolder folder;
  const CifarFormat format = small_format("cifar10", 3, 2);
  write_small_set(format, folder.path());
  std::filesystem::remove(folder.path() / "data_batch_4.bin");
  // An incomplete set is an error even if only images of the first file are requested.
  expect_error([&] { read_cifar(format, folder.path(), 1); }, "data_batch_4.bin: missing");
  expect_error([&] { read_cifar(format, folder.path(), 1); }, "`thalweg data fetch cifar10`");
}

TEST(Cifar, NamesAFileThatIsNotWholeRecords) {
  const TempFolder folder;
  const CifarFormat format = small_format("cifar10", 3, 2);
  write_small_set(format, folder.path());
  const auto bytes = records(format, 3);
  for (const std::string& bad : {bytes.substr(0, bytes.size() - 1), bytes + "x", std::string("x")}) {
    write_bytes(folder.path() / "data_batch_2.bin", bad);
    expect_error([&] { read_cifar(format, folder.path()); },
                 fmt::format("data_batch_2.bin: {} bytes are not a whole number of records of 3073 bytes", bad.size()));
  }
}

TEST(Cifar, NamesAFileWithAnotherNumberOfRecords) {
  const TempFolder folder;
  const CifarFormat format = small_format("cifar10", 3, 2);
  write_small_set(format, folder.path());
  for (const int count : {0, 1, 3}) {
    write_bytes(folder.path() / "test_batch.bin", records(format, count));
    expect_error([&] { read_cifar(format, folder.path()); },
                 fmt::format("test_batch.bin: holds {} records, but CIFAR-10 has 2", count));
  }
}

TEST(Cifar, NamesTheRecordWhoseLabelIsOutOfRange) {
  const TempFolder folder;
  const CifarFormat format = small_format("cifar10", 3, 2);
  write_small_set(format, folder.path());
  write_bytes(folder.path() / "data_batch_5.bin", record({9}, 0) + record({10}, 0) + record({0}, 0));
  expect_error([&] { read_cifar(format, folder.path()); },
               "data_batch_5.bin: record 1 (from 0) has label 10, but CIFAR-10 has labels 0 to 9");
}

TEST(Cifar, ChecksTheCoarseLabelToo) {
  const TempFolder folder;
  const CifarFormat format = small_format("cifar100", 1, 1);
  write_bytes(folder.path() / "train.bin", record({20, 5}, 0));
  write_bytes(folder.path() / "test.bin", record({0, 255}, 0));
  expect_error([&] { read_cifar(format, folder.path()); }, "train.bin: record 0 (from 0) has label 20");
  write_bytes(folder.path() / "train.bin", record({19, 5}, 0));
  expect_error([&] { read_cifar(format, folder.path()); }, "test.bin: record 0 (from 0) has label 255");
}

TEST(Cifar, KnowsTheOfficialSizes) {
  EXPECT_EQ(cifar_format("cifar10").num_train(), 50000);
  EXPECT_EQ(cifar_format("cifar10").num_test(), 10000);
  EXPECT_EQ(cifar_format("cifar100").num_train(), 50000);
  EXPECT_EQ(cifar_format("cifar100").num_test(), 10000);
  expect_usage_error([] { cifar_format("imagenet"); }, "imagenet");
}

}  // namespace
}  // namespace thalweg
