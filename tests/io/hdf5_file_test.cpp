#include "io/hdf5_file.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>
#include <hdf5.h>

#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/file_limit.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

Hdf5Content example() {
  Hdf5Content content;
  content.datasets["train_loss"] = {{2, 3}, {1, 2, 3, 4, 5, 6.5}};
  content.datasets["scalar"] = {{}, {-0.25}};
  content.datasets["empty"] = {{0, 3}, {}};
  content.datasets["group/inner/values"] = {{1}, {7}};
  content.strings["dir_file"] = "stra\u00dfe.h5";
  content.strings["none"] = "";
  content.strings["config"] = std::string(100000, 'c');
  return content;
}

void expect_equal(const Hdf5Content& got, const Hdf5Content& expected) {
  EXPECT_EQ(got.strings, expected.strings);
  ASSERT_EQ(got.datasets.size(), expected.datasets.size());
  for (const auto& [name, dataset] : expected.datasets) {
    ASSERT_TRUE(got.datasets.contains(name)) << name;
    EXPECT_EQ(got.datasets.at(name).shape, dataset.shape) << name;
    EXPECT_EQ(got.datasets.at(name).values, dataset.values) << name;
  }
}

TEST(Hdf5, GivesBackWhatWasWritten) {
  TempFolder folder;
  write_hdf5(folder / "a.h5", example());
  expect_equal(read_hdf5(folder / "a.h5"), example());
  write_hdf5(folder / "empty.h5", {});
  expect_equal(read_hdf5(folder / "empty.h5"), {});
}

TEST(Hdf5, LeavesOutWhatIsNotWanted) {
  TempFolder folder;
  write_hdf5(folder / "a.h5", example());
  Hdf5Content rest = example();
  rest.datasets.erase("train_loss");
  expect_equal(read_hdf5(folder / "a.h5", [](const std::string& name) { return name != "train_loss"; }), rest);
}

TEST(Hdf5, KeepsBitsOfNumbersThatAreNotFinite) {
  TempFolder folder;
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> values = {std::nan("5"), infinity, -infinity, -0.0, 5e-324};
  write_hdf5(folder / "a.h5", {{{"x", {{5}, values}}}, {}});
  const auto back = read_hdf5(folder / "a.h5").datasets.at("x").values;
  ASSERT_EQ(back.size(), values.size());
  EXPECT_EQ(std::memcmp(back.data(), values.data(), values.size() * sizeof(double)), 0);
}

TEST(Hdf5, EqualContentsAreEqualBytes) {
  TempFolder folder;
  write_hdf5(folder / "a.h5", example());
  write_hdf5(folder / "b.h5", example());
  EXPECT_EQ(read_file(folder / "a.h5"), read_file(folder / "b.h5"));
}

TEST(Hdf5, ReplacesTheOldFileAndLeavesNothingBeside) {
  TempFolder folder;
  write_hdf5(folder / "a.h5", example());
  write_hdf5(folder / "a.h5", {{{"x", {{}, {1}}}}, {}});
  EXPECT_EQ(read_hdf5(folder / "a.h5").datasets.size(), 1u);
  EXPECT_EQ(folder.num_files(), 1u);
}

// Creates with the C interface what h5py writes for float32, integers of several widths and big-endian data.
TEST(Hdf5, ReadsOtherNumberTypesAsDouble) {
  TempFolder folder;
  const auto path = folder / "other.h5";
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t size = 2;
  const hid_t space = H5Screate_simple(1, &size, nullptr);
  const double values[] = {3, 200};
  const std::pair<const char*, hid_t> types[] = {{"f4", H5T_IEEE_F32LE},
                                                 {"f4be", H5T_IEEE_F32BE},
                                                 {"u1", H5T_STD_U8LE},
                                                 {"i2be", H5T_STD_I16BE},
                                                 {"i8", H5T_STD_I64LE}};
  for (const auto& [name, type] : types) {
    const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0);
    H5Dclose(dataset);
  }
  H5Sclose(space);
  H5Fclose(file);
  const Hdf5Content content = read_hdf5(path);
  ASSERT_EQ(content.datasets.size(), std::size(types));
  for (const auto& [name, type] : types) {
    EXPECT_EQ(content.datasets.at(name).values, (std::vector<double>{3, 200})) << name;
  }
}

TEST(Hdf5, ReadsFixedLengthStringsOfEitherPadding) {
  TempFolder folder;
  const auto path = folder / "fixed.h5";
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate(H5S_SCALAR);
  for (const auto& [name, padding, text] : {std::tuple("null", H5T_STR_NULLPAD, "ab\0\0\0"),
                                            {"space", H5T_STR_SPACEPAD, "ab   "},
                                            {"full", H5T_STR_NULLPAD, "abcde"}}) {
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, 5);
    H5Tset_strpad(type, padding);
    const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text), 0);
    H5Dclose(dataset);
    H5Tclose(type);
  }
  H5Sclose(space);
  H5Fclose(file);
  const auto strings = read_hdf5(path).strings;
  EXPECT_EQ(strings.at("null"), "ab");
  EXPECT_EQ(strings.at("space"), "ab");
  EXPECT_EQ(strings.at("full"), "abcde");
}

TEST(Hdf5, RefusesContentsThatCannotBeWritten) {
  TempFolder folder;
  const auto path = folder / "a.h5";
  expect_error(
      [&] {
        write_hdf5(path, {{{"x", {{2, 3}, {1}}}}, {}});
      },
      "\"x\": the shape needs 6 values, but 1 are given");
  expect_error([&] { write_hdf5(path, {{{"", {{}, {1}}}}, {}}); }, "\"\" is not a valid HDF5 name");
  expect_error([&] { write_hdf5(path, {{{"a", {{}, {1}}}, {"a/b", {{}, {1}}}}, {}}); }, "\"a/b\": ");
  expect_error([&] { write_hdf5(path, {{{"a", {{}, {1}}}}, {{"a", "text"}}}); }, "\"a\": ");
  expect_error([&] { write_hdf5(path, {{}, {{"s", std::string("a\0b", 3)}}}); }, "a zero byte");
  EXPECT_EQ(folder.num_files(), 0u);
}

TEST(Hdf5, AFullDiskLeavesTheOldFile) {
  TempFolder folder;
  const auto path = folder / "a.h5";
  write_hdf5(path, example());
  {
    const FileSizeLimit limit(4000);
    expect_error(
        [&] {
          write_hdf5(path, {});
          write_hdf5(path, example());
        },
        "cannot write " + path.string() + ": File too large");
  }
  EXPECT_EQ(folder.num_files(), 1u);
}

TEST(Hdf5, NamesAFileThatIsNoneOrDamaged) {
  TempFolder folder;
  const auto path = folder / "bad.h5";
  expect_error([&] { read_hdf5(path); }, "No such file");
  write_file_atomically(path, "");
  expect_error([&] { read_hdf5(path); }, "the file is empty");
  write_file_atomically(path, std::string(5000, 'x'));
  expect_error([&] { read_hdf5(path); }, "cannot read " + path.string() + ": it is not an HDF5 file");
  write_hdf5(folder / "whole.h5", example());
  std::string whole = read_file(folder / "whole.h5");
  whole.resize(whole.rfind("\nCRC-32 "));
  for (const std::size_t block : {512, 2048}) {  // for another program's use
    write_file_atomically(path, std::string(block, 'x') + whole);
    EXPECT_EQ(read_hdf5(path).datasets.size(), example().datasets.size()) << block;
  }
  expect_error([] { read_hdf5("/dev/zero"); }, "it is not an HDF5 file");  // without an end
  write_hdf5(folder / "good.h5", example());
  const std::string bytes = read_file(folder / "good.h5");
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{8}, std::size_t{100}, bytes.size() / 2, bytes.size() - 1}) {
    write_file_atomically(path, bytes.substr(0, size));
    expect_error([&] { read_hdf5(path); }, "cannot read " + path.string() + ": ");
  }
}

TEST(Hdf5, NamesADatasetOfWhichOneBitHasTurned) {
  TempFolder folder;
  const auto path = folder / "a.h5";
  write_hdf5(path, {{{"losses", {{2, 3}, {1, 2, 3, 4, 5, 6.5}}}, {"scalar", {{}, {7}}}}, {}});
  std::string bytes = read_file(path);
  const double value = 6.5;
  const std::size_t at = bytes.find(std::string(reinterpret_cast<const char*>(&value), sizeof(value)));
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  write_file_atomically(path, bytes);
  expect_error([&] { read_hdf5(path); }, "cannot read " + path.string() + ": its checksum is wrong");
  // Without the file's own checksum HDF5 finds it.
  write_file_atomically(path, bytes.substr(0, bytes.rfind("\nCRC-32 ")));
  expect_error([&] { read_hdf5(path); }, "cannot read " + path.string() + ": \"losses\": ");
}

TEST(Hdf5, PrintsNothingOfItsOwn) {
  TempFolder folder;
  write_file_atomically(folder / "bad.h5", "not HDF5");
  ::testing::internal::CaptureStderr();
  EXPECT_THROW(read_hdf5(folder / "bad.h5"), Error);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace thalweg
