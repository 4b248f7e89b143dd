#include "io/atomic_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "expect_error.h"
#include "io/file_limit.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  TempFolder folder;
  AtomicFile file(folder / "a.txt");
  file.write("one");
  file.write("");
  file.write(std::string_view("\0two", 4));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.txt"));
  file.commit();
  EXPECT_EQ(read_file(folder / "a.txt"), std::string("one\0two", 7));
  EXPECT_EQ(folder.num_files(), 1u);
}

TEST(AtomicFile, LeavesTheOldFileAndNothingElseWithoutCommit) {
  TempFolder folder;
  write_file_atomically(folder / "a.txt", "old");
  {
    AtomicFile file(folder / "a.txt");
    file.write("new");
  }
  EXPECT_EQ(read_file(folder / "a.txt"), "old");
  EXPECT_EQ(folder.num_files(), 1u);
}

TEST(AtomicFile, TwoWritersOfOneNameDoNotMeet) {
  TempFolder folder;
  AtomicFile first(folder / "a.txt"), second(folder / "a.txt");
  first.write("first");
  second.write("second");
  first.commit();
  EXPECT_EQ(read_file(folder / "a.txt"), "first");
  second.commit();
  EXPECT_EQ(read_file(folder / "a.txt"), "second");
}

TEST(AtomicFile, CreatesMissingFolders) {
  TempFolder folder;
  write_file_atomically(folder / "x/y/z.txt", "");
  EXPECT_EQ(read_file(folder / "x/y/z.txt"), "");
}

TEST(AtomicFile, TakesABareNameInTheCurrentFolder) {
  TempFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  write_file_atomically("bare.txt", "here");
  std::filesystem::current_path(before);
  EXPECT_EQ(read_file(folder / "bare.txt"), "here");
}

TEST(AtomicFile, CommitsOnce) {
  TempFolder folder;
  AtomicFile file(folder / "a.txt");
  file.commit();
  expect_error([&] { file.commit(); }, "committed already");
}

TEST(AtomicFile, KeepsTheOldFileWhenTheDiskIsFull) {
  TempFolder folder;
  const std::string path = folder / "a.bin";
  write_file_atomically(path, "old");
  {
    const FileSizeLimit limit(1000);
    expect_error([&] { write_file_atomically(path, std::string(5000, 'x')); },
                 "cannot write " + path + ": File too large");
  }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(folder.num_files(), 1u);
}

TEST(AtomicFile, SaysWhyAPathCannotBeWritten) {
  TempFolder folder;
  write_file_atomically(folder / "file", "");
  expect_error([&] { AtomicFile(folder / "file/inside"); }, (folder / "file").string());
  std::filesystem::create_directory(folder / "folder");
  AtomicFile file(folder / "folder");
  expect_error([&] { file.commit(); },
               "cannot rename the temporary file to " + (folder / "folder").string() + ": Is a directory");
  expect_error([&] { AtomicFile(folder.path() / ""); }, "does not name a file");
}

TEST(AtomicFile, SaysThatAFolderMayNotBeWritten) {
  TempFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  // Root may write anywhere, so become nobody for this check.
  const bool root = ::geteuid() == 0;
  ASSERT_EQ(root ? ::seteuid(65534) : 0, 0);
  expect_error([&] { AtomicFile(folder / "a.txt"); }, "create " + (folder / "a.txt").string() + ": Permission denied");
  expect_error([&] { check_can_write(folder / "a.txt"); }, "Permission denied");
  ASSERT_EQ(root ? ::seteuid(0) : 0, 0);
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
}

TEST(AtomicFile, LeavesNothingOfAnAttempt) {
  TempFolder folder;
  check_can_write(folder / "new/a.txt");
  EXPECT_TRUE(std::filesystem::is_empty(folder / "new"));
}

TEST(AtomicFile, OfKilledProcessesIsRemoved) {
  TempFolder folder;
  write_file_atomically(folder / ".tmp.txt", "a");
  const AtomicFile left(folder / "b.txt");
  EXPECT_TRUE(std::filesystem::exists(left.temporary_path()));
  remove_temporaries(folder.path());
  EXPECT_FALSE(std::filesystem::exists(left.temporary_path()));
  EXPECT_EQ(read_file(folder / ".tmp.txt"), "a");
  remove_temporaries(folder / "none");
}

TEST(ReadFile, NamesPathAndReason) {
  TempFolder folder;
  const std::string path = folder / "none";
  expect_error([&] { read_file(path); }, "cannot open " + path + ": No such file or directory");
  expect_error([&] { read_file(folder.path()); }, "cannot read " + folder.path().string() + ": Is a directory");
}

}  // namespace
}  // namespace thalweg
