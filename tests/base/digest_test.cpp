#include "base/digest.h"

#include <string>

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

// Test vectors from FIPS 180-2, appendix B, and the digest of the empty string.
constexpr const char* kEmptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbcDigest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kMillionDigest = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(sha256_of(""), kEmptyDigest);
  EXPECT_EQ(sha256_of("abc"), kAbcDigest);
  EXPECT_EQ(sha256_of(std::string(1000000, 'a')), kMillionDigest);
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  TempFolder folder;
  // Sizes around that of the read buffer, at which a block could be lost.
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, (std::size_t{1} << 20) - 1, std::size_t{1} << 20, (std::size_t{1} << 20) + 1}) {
    const std::string bytes(size, 'a');
    write_file_atomically(folder / "f", bytes);
    EXPECT_EQ(sha256_of_file(folder / "f"), sha256_of(bytes)) << size;
  }
}

TEST(Sha256, RefusesWhatIsNotAReadableFile) {
  TempFolder folder;
  expect_error([&] { sha256_of_file(folder / "none"); }, "No such file");
  expect_error([&] { sha256_of_file(folder.path()); }, "cannot read");
}

TEST(Crc32, MatchesThePublishedCheckValue) {
  EXPECT_EQ(crc32_of("123456789", 9), 0xCBF43926u);
  EXPECT_EQ(crc32_of(nullptr, 0), 0u);
}

TEST(Crc32, GoesOnFromASeed) {
  const std::uint32_t first = crc32_of("1234", 4);
  EXPECT_EQ(crc32_of("56789", 5, first), 0xCBF43926u);
  EXPECT_EQ(crc32_of(nullptr, 0, first), first);
}

}  // namespace
}  // namespace thalweg
