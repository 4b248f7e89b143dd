#include "io/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/file_limit.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

// Assembles a file from its header and buffer.
std::string file_of(const std::string& header, const std::string& buffer) {
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + header + buffer;
}

class SafetensorsDefects : public ::testing::Test {
 protected:
  void expect_defect(const std::string& bytes, const std::string& defect) {
    const auto path = folder_ / "bad.safetensors";
    write_file_atomically(path, bytes);
    expect_error([&] { read_safetensors(path); }, defect);
    expect_error([&] { read_safetensors_metadata(path); }, path.string());
  }
  void expect_header_defect(const std::string& header, const std::string& buffer, const std::string& defect) {
    expect_defect(file_of(header, buffer), defect);
  }

  TempFolder folder_;
};

TEST(Safetensors, ReadsHandMadeBytes) {
  TempFolder folder;
  const std::string header = R"({"__metadata__":{"format":"pt"},"b":{"dtype":"I16","shape":[2],"data_offsets":[4,8]},)"
                             R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )";
  write_file_atomically(folder / "f", file_of(header, std::string("\0\0\x20\x41\x01\0\xfe\xff", 8)));
  const SafetensorsFile file = read_safetensors(folder / "f");
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(file.tensors[0].name, "a");  // in buffer order
  EXPECT_EQ(file.at("a").dim(), 0);
  EXPECT_EQ(file.at("a").item<float>(), 10.0f);
  EXPECT_TRUE(at::equal(file.at("b"), at::tensor({1, -2}, at::kShort)));
  EXPECT_EQ(file.metadata.at("format"), "pt");
  EXPECT_EQ(read_safetensors_metadata(folder / "f"), file.metadata);
}

TEST(Safetensors, WritesExactlyTheReferenceLayout) {
  TempFolder folder;
  write_safetensors(folder / "f", {{"z", at::ones({1}, at::kByte)}, {"a", at::ones({1}, at::kFloat)}}, {{"k", "v"}});
  // The checksum is Python's zlib.crc32 of the five bytes.
  const std::string header =
      R"({"__metadata__":{"k":"v","thalweg_crc32":"08cef637"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("z":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(read_file(folder / "f"), file_of(padded, std::string("\0\0\x80\x3f\x01", 5)));
}

TEST(Safetensors, KeepsEveryDtypeAndShape) {
  TempFolder folder;
  std::vector<NamedTensor> tensors;
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort, at::kChar,
                          at::kByte, at::kBool}) {
    const std::string name = c10::toString(type);
    tensors.push_back({name + ".matrix", at::arange(0, 15).remainder(2).reshape({3, 5}).to(type)});
    tensors.push_back({name + ".scalar", at::ones({}, type)});
    tensors.push_back({name + ".empty", at::empty({3, 0, 2}, type)});
  }
  write_safetensors(folder / "f", tensors, {});
  const SafetensorsFile file = read_safetensors(folder / "f");
  ASSERT_EQ(file.tensors.size(), tensors.size());
  EXPECT_TRUE(file.metadata.empty());
  for (const NamedTensor& item : tensors) {
    EXPECT_EQ(file.at(item.name).scalar_type(), item.tensor.scalar_type()) << item.name;
    EXPECT_EQ(file.at(item.name).sizes(), item.tensor.sizes()) << item.name;
    EXPECT_TRUE(at::equal(file.at(item.name), item.tensor)) << item.name;
  }
}

TEST(Safetensors, AnyFlippedBitOfATensorIsFound) {
  TempFolder folder;
  const std::filesystem::path path = folder / "f";
  write_safetensors(path, {{"a", at::ones({2})}, {"b", at::arange(3)}}, {});
  const std::string bytes = read_file(path);
  const std::size_t buffer = 2 * sizeof(float) + 3 * sizeof(std::int64_t);
  for (std::size_t bit = 0; bit < 8 * buffer; ++bit) {
    std::string damaged = bytes;
    damaged[bytes.size() - buffer + bit / 8] ^= static_cast<char>(1 << bit % 8);
    write_file_atomically(path, damaged);
    expect_error([&] { read_safetensors(path); }, "is damaged: its tensors are not those that were written");
  }
}

TEST(Safetensors, KeepsBitsOfNumbersThatAreNotFinite) {
  TempFolder folder;
  const float infinity = std::numeric_limits<float>::infinity();
  const at::Tensor values = at::tensor({std::nanf("1"), infinity, -infinity, -0.0f});
  write_safetensors(folder / "f", {{"x", values}}, {});
  const at::Tensor back = read_safetensors(folder / "f").at("x");
  EXPECT_EQ(std::memcmp(back.data_ptr(), values.data_ptr(), values.nbytes()), 0);
}

TEST(Safetensors, WritesStridedTensorsRowMajor) {
  TempFolder folder;
  const at::Tensor base = at::arange(24, at::kFloat).reshape({2, 3, 2, 2});
  const at::Tensor channels_last = base.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor expanded = at::ones({1}).expand({4});
  const at::Tensor leaf = at::ones({2}).requires_grad_();
  write_safetensors(folder / "f",
                    {{"cl", channels_last}, {"t", base.select(0, 1).transpose(0, 2)}, {"e", expanded}, {"leaf", leaf}},
                    {});
  const SafetensorsFile file = read_safetensors(folder / "f");
  EXPECT_TRUE(at::equal(file.at("cl"), base));
  EXPECT_TRUE(file.at("cl").is_contiguous());
  EXPECT_TRUE(at::equal(file.at("t"), base.select(0, 1).transpose(0, 2)));
  EXPECT_TRUE(at::equal(file.at("e"), at::ones({4})));
  EXPECT_FALSE(file.at("leaf").requires_grad());
}

TEST(Safetensors, BytesDoNotDependOnTheCallersOrder) {
  TempFolder folder;
  std::vector<NamedTensor> tensors = {
      {"b", at::ones({2})}, {"a", at::zeros({2})}, {"i", at::ones({1}, at::kLong)}, {"u", at::ones({3}, at::kByte)}};
  write_safetensors(folder / "f", tensors, {{"x", "1"}, {"a", "2"}});
  std::reverse(tensors.begin(), tensors.end());
  write_safetensors(folder / "g", tensors, {{"a", "2"}, {"x", "1"}});
  EXPECT_EQ(read_file(folder / "f"), read_file(folder / "g"));
}

TEST(Safetensors, AFileWithoutTensorsIsFine) {
  TempFolder folder;
  write_safetensors(folder / "f", {}, {{"note", "Stra\u00dfe \"quoted\"\n"}});
  EXPECT_TRUE(read_safetensors(folder / "f").tensors.empty());
  EXPECT_EQ(read_safetensors_metadata(folder / "f").at("note"), "Stra\u00dfe \"quoted\"\n");
  write_file_atomically(folder / "g", file_of("{}", ""));
  EXPECT_TRUE(read_safetensors(folder / "g").tensors.empty());
}

TEST(Safetensors, MissingTensorNamesThoseThere) {
  TempFolder folder;
  write_safetensors(folder / "f", {{"conv1.weight", at::ones({1})}}, {});
  const SafetensorsFile file = read_safetensors(folder / "f");
  EXPECT_TRUE(file.contains("conv1.weight"));
  EXPECT_FALSE(file.contains("conv1"));
  expect_error([&] { file.at("conv1"); }, "no tensor \"conv1\" in the file; it holds 1: conv1.weight");
}

TEST(Safetensors, RefusesToWriteWhatTheFormatCannotHold) {
  TempFolder folder;
  const auto path = folder / "f";
  const at::Tensor one = at::ones({1});
  expect_error([&] { write_safetensors(path, {{"a", one}, {"a", one}}, {}); }, "two tensors are called \"a\"");
  expect_error([&] { write_safetensors(path, {{"__metadata__", one}}, {}); }, "cannot be called __metadata__");
  expect_error(
      [&] {
        write_safetensors(path, {{"a", at::ones({1}, at::kComplexFloat)}}, {});
      },
      "only these are written");
  expect_error([&] { write_safetensors(path, {{"a", at::Tensor()}}, {}); }, "not a dense tensor");
  expect_error([&] { write_safetensors(path, {{"a\xff", one}}, {}); }, "not UTF-8");
  EXPECT_EQ(folder.num_files(), 0u);
}

TEST(Safetensors, AFullDiskLeavesTheOldFile) {
  TempFolder folder;
  const auto path = folder / "f";
  write_safetensors(path, {{"a", at::ones({1})}}, {});
  const std::string before = read_file(path);
  {
    const FileSizeLimit limit(4000);
    expect_error([&] { write_safetensors(path, {{"a", at::ones({2000})}}, {}); }, "cannot write " + path.string());
  }
  EXPECT_EQ(read_file(path), before);
  EXPECT_EQ(folder.num_files(), 1u);
}

TEST_F(SafetensorsDefects, EveryTruncationIsNoticed) {
  const auto path = folder_ / "good";
  write_safetensors(path, {{"a", at::ones({3})}, {"b", at::ones({2}, at::kByte)}}, {{"k", "v"}});
  const std::string bytes = read_file(path);
  for (std::size_t size = 0; size < bytes.size(); ++size) expect_defect(bytes.substr(0, size), "bad.safetensors: ");
}

TEST_F(SafetensorsDefects, HeaderLength) {
  expect_defect(std::string("\x10\0\0\0\0\0\0\0{}", 10), "its header takes 16 bytes, but only 2 follow");
  expect_defect(std::string(7, '\0'), "too few");
  expect_defect(std::string(8, '\xff') + "{}", "a header of 18446744073709551615 bytes");
  expect_defect(std::string("\x01\xe1\xf5\x05\0\0\0\0{}", 10), "a header of 100000001 bytes");
  expect_defect(std::string(8, '\0'), "does not begin with '{'");
}

TEST_F(SafetensorsDefects, HeaderText) {
  expect_header_defect(" {}", "", "does not begin with '{'");
  expect_header_defect("[]", "", "does not begin with '{'");
  expect_header_defect("{\"a\":", "", "header: parse error");
  expect_header_defect("{} x", "", "header: parse error");
  expect_header_defect(std::string("{}\0", 3), "", "header: parse error");
  expect_header_defect("{/**/}", "", "header: parse error");
  expect_header_defect(R"({"a":3})", "", "\"a\": its entry is not an object");
  expect_header_defect(R"({"__metadata__":[]})", "", "__metadata__ is not an object");
  expect_header_defect(R"({"__metadata__":{"n":1}})", "", "\"n\" is not a string");
}

TEST_F(SafetensorsDefects, DuplicateName) {
  expect_header_defect(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                       R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                       "xy", "\"a\" appears twice");
}

TEST_F(SafetensorsDefects, Entry) {
  const auto entry = [](const std::string& fields) { return "{\"a\":{" + fields + "}}"; };
  expect_header_defect(entry(R"("dtype":"F31","shape":[1],"data_offsets":[0,4])"), "abcd",
                       "dtype \"F31\" is not supported");
  expect_header_defect(entry(R"("dtype":4,"shape":[1],"data_offsets":[0,4])"), "abcd", "it has no \"dtype\"");
  expect_header_defect(entry(R"("shape":[1],"data_offsets":[0,4])"), "abcd", "it has no \"dtype\"");
  expect_header_defect(entry(R"("dtype":"F32","data_offsets":[0,4])"), "abcd", "it has no array \"shape\"");
  expect_header_defect(entry(R"("dtype":"F32","shape":[1])"), "abcd", "it has no array \"data_offsets\"");
  expect_header_defect(entry(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), "abcd", "\"shape\" holds -1");
  expect_header_defect(entry(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"), "abcd", "\"shape\" holds 1.0");
  expect_header_defect(entry(R"("dtype":"F32","shape":[1],"data_offsets":[-4,0])"), "abcd",
                       "\"data_offsets\" holds -4");
  expect_header_defect(entry(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,8])"), "abcd", "holds 3 numbers");
  expect_header_defect(entry(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), "abcd", "[4, 0) do not lie in");
  expect_header_defect(entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])"), "abcd", "[0, 8) do not lie in");
  expect_header_defect(entry(R"("dtype":"F32","shape":[1],"data_offsets":[0,3])"), "abc",
                       "shape [1] takes 4 bytes, but 3 are given");
}

TEST_F(SafetensorsDefects, BoolThatIsNeitherZeroNorOne) {
  const auto path = folder_ / "bool";
  write_file_atomically(path, file_of(R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", "\x02"));
  expect_error([&] { read_safetensors(path); }, "tensor \"a\": a BOOL is neither 0 nor 1");
}

TEST_F(SafetensorsDefects, ShapeWhoseProductOverflows) {
  const auto shape = [](const std::string& sizes) {
    return R"({"a":{"dtype":"F32","shape":[)" + sizes + R"(],"data_offsets":[0,0]}})";
  };
  // 2^32 x 2^32 elements and 2^62 x 4 bytes are both zero modulo 2^64.
  expect_header_defect(shape("4294967296,4294967296"), "", "too large");
  expect_header_defect(shape("4611686018427387904"), "", "too large");
  expect_header_defect(shape("0,4294967296,4294967296"), "", "too large");
  expect_header_defect(shape("18446744073709551615"), "", "not an integer of at least 0");
  expect_header_defect(shape("99999999999999999999999"), "", "not an integer of at least 0");
}

TEST_F(SafetensorsDefects, HolesOverlapAndTrailingBytes) {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + first +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + second + "}}";
  };
  expect_header_defect(two("[0,2]", "[3,5]"), "abcde",
                       "\"b\" begins at byte 3, but the one before it ends at 2 (a hole)");
  expect_header_defect(two("[1,3]", "[3,5]"), "abcde",
                       "\"a\" begins at byte 1, but the one before it ends at 0 (a hole)");
  expect_header_defect(two("[0,2]", "[1,3]"), "abc", "(an overlap)");
  expect_header_defect(two("[0,2]", "[0,2]"), "ab", "(an overlap)");
  expect_header_defect(two("[0,2]", "[2,4]"), "abcde", "1 bytes after the last tensor");
  expect_header_defect("{}", "x", "1 bytes after the last tensor");
}

TEST(Safetensors, AnEmptyTensorMayLieAnywhereBetweenOthers) {
  TempFolder folder;
  write_file_atomically(folder / "f", file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                              R"("e":{"dtype":"F32","shape":[0],"data_offsets":[2,2]},)"
                                              R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                                              "abc"));
  const SafetensorsFile file = read_safetensors(folder / "f");
  EXPECT_EQ(file.at("e").numel(), 0);
  EXPECT_EQ(file.at("b").item<int>(), 'c');
}

TEST(Safetensors, NamesAFileThatIsNotThere) {
  TempFolder folder;
  expect_error([&] { read_safetensors(folder / "none"); }, "cannot open " + (folder / "none").string());
  expect_error([&] { read_safetensors(folder.path()); }, "not a regular file");
}

}  // namespace
}  // namespace thalweg
