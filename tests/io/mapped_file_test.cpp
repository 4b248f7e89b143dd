#include "io/mapped_file.h"

#include <cstring>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

TEST(MappedFile, ShowsTheFilesBytes) {
  TempFolder folder;
  const std::string text(4097, 'q');  // one byte over a page
  write_file_atomically(folder / "a", text);
  const MappedFile file(folder / "a");
  ASSERT_EQ(file.size(), text.size());
  EXPECT_EQ(std::memcmp(file.data(), text.data(), text.size()), 0);
}

TEST(MappedFile, AnEmptyFileIsNothing) {
  TempFolder folder;
  write_file_atomically(folder / "a", "");
  const MappedFile file(folder / "a");
  EXPECT_EQ(file.size(), 0u);
  EXPECT_EQ(file.data(), nullptr);
}

TEST(MappedFile, OutlivesItsName) {
  TempFolder folder;
  write_file_atomically(folder / "a", "old");
  const MappedFile file(folder / "a");
  write_file_atomically(folder / "a", "new");
  EXPECT_EQ(std::memcmp(file.data(), "old", 3), 0);
}

TEST(MappedFile, MovesWithItsMapping) {
  TempFolder folder;
  write_file_atomically(folder / "a", "abc");
  MappedFile first(folder / "a");
  const MappedFile second(std::move(first));
  EXPECT_EQ(second.size(), 3u);
  EXPECT_EQ(std::memcmp(second.data(), "abc", 3), 0);
}

TEST(MappedFile, NamesWhatCannotBeMapped) {
  TempFolder folder;
  expect_error([&] { MappedFile(folder / "none"); }, "cannot open " + (folder / "none").string());
  expect_error([&] { MappedFile(folder.path()); }, "not a regular file");
}

}  // namespace
}  // namespace thalweg
