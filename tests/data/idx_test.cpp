#include "data/idx.h"

#include <gtest/gtest.h>

#include <ATen/Functions.h>

#include "data/cifar_files.h"
#include "data/fetch.h"
#include "data/idx_files.h"
#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

// A folder with a set of 12 training and 7 test images.
class IdxTest : public ::testing::Test {
 protected:
  IdxTest() { write_small_set(format_, folder_.path()); }

  DataSet read() { return read_idx(format_, folder_.path()); }
  void expect_damage(const std::string& file, const std::string& bytes, const std::string& text) {
    const std::string whole = read_file(folder_ / file);
    write_bytes(folder_ / file, bytes);
    expect_error([&] { read(); }, (folder_ / file).string() + ": " + text);
    write_bytes(folder_ / file, whole);
  }

  const IdxFormat format_ = small_idx_format(12, 7);
  const TempFolder folder_;
  const std::string images_ = "train-images-idx3-ubyte";
  const std::string labels_ = "t10k-labels-idx1-ubyte";
};

TEST_F(IdxTest, ReadsImagesOfOneChannelRowByRow) {
  const DataSet set = read();
  EXPECT_EQ(set.train.images.sizes(), (at::IntArrayRef{12, 1, 28, 28}));
  EXPECT_EQ(set.test.images.sizes(), (at::IntArrayRef{7, 1, 28, 28}));
  EXPECT_EQ(set.train.images.scalar_type(), at::kByte);
  EXPECT_EQ(set.train.labels.scalar_type(), at::kLong);
  EXPECT_EQ(set.train.images[5][0][2][9].item<int>(), (5 + 3 * (2 * 28 + 9)) % 256);
  EXPECT_EQ(set.test.images[6][0][27][27].item<int>(), (106 + 3 * 783) % 256);
  EXPECT_EQ(set.train.labels[11].item<int>(), 1);
  EXPECT_EQ(set.test.labels[6].item<int>(), 6);
  EXPECT_EQ(set.num_classes(), 10);
  EXPECT_EQ(set.class_names[9], "ankle boot");
  EXPECT_EQ(set.normalisation.mean.size(), 1u);
}

TEST_F(IdxTest, ReadsCompressedFilesToo) {
  const DataSet plain = read();
  for (const std::string& name : {images_, labels_}) {
    write_gzip(folder_ / (name + ".gz"), read_file(folder_ / name));
    fs::remove(folder_ / name);
  }
  const DataSet packed = read();
  EXPECT_TRUE(at::equal(packed.train.images, plain.train.images));
  EXPECT_TRUE(at::equal(packed.test.labels, plain.test.labels));
}

TEST_F(IdxTest, TakesTheFirstImagesOfASplit) {
  const DataSet all = read();
  const DataSet some = read_idx(format_, folder_.path(), 5, 7);
  EXPECT_TRUE(at::equal(some.train.images, all.train.images.narrow(0, 0, 5)));
  EXPECT_TRUE(at::equal(some.train.labels, all.train.labels.narrow(0, 0, 5)));
  EXPECT_EQ(some.test.size(), 7);
  expect_usage_error([&] { read_idx(format_, folder_.path(), 13); },
                     "data.train_images is 13, but Fashion-MNIST has 12");
  expect_usage_error([&] { read_idx(format_, folder_.path(), 0, 8); },
                     "data.test_images is 8, but Fashion-MNIST has 7");
}

TEST_F(IdxTest, NamesTheFileThatIsMissing) {
  fs::remove(folder_ / "t10k-images-idx3-ubyte");
  expect_error([&] { read(); }, "t10k-images-idx3-ubyte: missing");
  expect_error([&] { read(); }, "dataset-fashion-mnist");
}

TEST_F(IdxTest, NamesTheFileThatIsNoIdxFileOfItsKind) {
  std::string bytes = read_file(folder_ / images_);
  bytes[2] = 0x0d;  // type float
  expect_damage(images_, bytes, "begins with 0x00000d03, but an IDX file of images begins with 0x00000803");
  expect_damage(images_, read_file(folder_ / labels_) + "some more",
                "begins with 0x00000801, but an IDX file of images begins with 0x00000803");
  expect_damage(labels_, read_file(folder_ / images_),
                "begins with 0x00000803, but an IDX file of labels begins with 0x00000801");
}

TEST_F(IdxTest, NamesTheFileOfAnotherShape) {
  expect_damage(images_, idx_bytes({12, 28, 27}, std::string(12 * 28 * 27, 'x')),
                "holds an array of 12 x 28 x 27, but Fashion-MNIST has 12 x 28 x 28");
  expect_damage(images_, idx_images(11, 0), "holds an array of 11 x 28 x 28, but Fashion-MNIST has 12 x 28 x 28");
  // With fewer labels than images, the error names the file at fault.
  expect_damage(labels_, idx_labels(6, 0), "holds an array of 6, but Fashion-MNIST has 7");
  expect_damage(labels_, idx_bytes({0xffffffff}, "x"), "holds an array of 4294967295, but Fashion-MNIST has 7");
}

TEST_F(IdxTest, NamesTheFileThatIsCutOffOrTooLong) {
  const std::string images = read_file(folder_ / images_), labels = read_file(folder_ / labels_);
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{15}}) {
    expect_damage(images_, images.substr(0, size), "ends within its header of 16 bytes");
  }
  expect_damage(images_, images.substr(0, 16), "ends after 0 of 9408 values");
  expect_damage(images_, images.substr(0, images.size() - 1), "ends after 9407 of 9408 values");
  expect_damage(labels_, labels.substr(0, 8), "ends after 0 of 7 values");
  expect_damage(labels_, labels + "x", "continues after the 7 values");
}

TEST_F(IdxTest, NamesTheLabelThatIsOutOfRange) {
  std::string labels = read_file(folder_ / labels_);
  labels[8 + 4] = 10;
  expect_damage(labels_, labels, "label 4 (from 0) is 10, but Fashion-MNIST has labels 0 to 9");
}

TEST_F(IdxTest, NamesTheCompressedFileThatIsDamaged) {
  const std::string name = images_ + ".gz";
  write_gzip(folder_ / name, read_file(folder_ / images_));
  fs::remove(folder_ / images_);
  const std::string packed = read_file(folder_ / name);
  expect_damage(name, packed.substr(0, packed.size() / 2), "ends after ");
  std::string flipped = packed;
  flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1);  // in the checksum after the data
  expect_damage(name, flipped, "cannot be read: ");
  expect_damage(name, packed.substr(0, packed.size() - 8), "ends within the checksum");
}

TEST_F(IdxTest, RefusesTheFilesOfAnotherSet) {
  IdxFormat other = format_;
  other.first_labels = {0, 2};
  expect_error([&] { read_idx(other, folder_.path()); }, "the first labels are 0, 1, but Fashion-MNIST has 0, 2");
  EXPECT_EQ(read_idx(other, folder_.path(), 1).train.size(), 1);  // a single image does not identify the set
}

TEST_F(IdxTest, IsFoundInItsUsualFoldersAndRightThere) {
  EXPECT_EQ(find_idx_folder(format_, folder_.path()), folder_.path());
  const TempFolder root;
  EXPECT_EQ(find_idx_folder(format_, root.path()), fs::path());
  fs::create_directories(root / "FashionMNIST/raw");
  EXPECT_EQ(find_idx_folder(format_, root.path()), fs::path());
  write_gzip(root / "FashionMNIST/raw/t10k-labels-idx1-ubyte.gz", "x");
  EXPECT_EQ(find_idx_folder(format_, root.path()), root / "FashionMNIST/raw");
}

TEST(Idx, KnowsTheOfficialSets) {
  for (const char* name : {"mnist", "fashion_mnist"}) {
    const IdxFormat* format = idx_format(name);
    ASSERT_NE(format, nullptr);
    EXPECT_EQ(format->train_images, 60000);
    EXPECT_EQ(format->test_images, 10000);
    EXPECT_EQ(format->class_names.size(), 10u);
  }
  EXPECT_EQ(idx_format("cifar10"), nullptr);
}

TEST(Idx, IsNotFetchedButSaysWhereItIs) {
  expect_usage_error([] { fetch_data_set("fashion_mnist", "", {}); }, "dataset-fashion-mnist");
  expect_usage_error([] { fetch_data_set("mnist", "", {}); }, "https://");
}

}  // namespace
}  // namespace thalweg
