#include "data/unpack.h"

#include <gtest/gtest.h>

#include "base/stop.h"
#include "data/cifar_files.h"
#include "data/make_archive.h"
#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

class Unpack : public ::testing::Test {
 protected:
  Unpack() { fs::create_directories(target()); }
  fs::path target() const { return folder_ / "a/b"; }
  void unpack(const std::string& bytes, std::int64_t max_bytes = 1 << 20) const {
    write_bytes(folder_ / "archive", bytes);
    unpack_archive({.archive = folder_ / "archive", .top = "top", .target = target(), .max_bytes = max_bytes});
  }
  void expect_refused(const ArchiveEntry& entry, const std::string& text) const {
    SCOPED_TRACE(entry.path);
    expect_error([&] { unpack(make_archive({entry})); }, text);
    EXPECT_TRUE(fs::is_empty(target()));
    EXPECT_EQ(folder_.num_files(), 2U);  // the archive and a/
    EXPECT_FALSE(fs::exists(folder_ / "a/x"));
  }

  TempFolder folder_;
};

TEST_F(Unpack, WritesTheTopFoldersFiles) {
  unpack(make_archive({{"top/", "", 'd'}, {"top/x", "hello"}, {"./top/y", ""}}));
  EXPECT_EQ(read_file(target() / "x"), "hello");
  EXPECT_EQ(read_file(target() / "y"), "");
}

TEST_F(Unpack, RefusesPathsThatLeadElsewhere) {
  expect_refused({"../x", "bad"}, "\"../x\" is not directly in top/");
  expect_refused({"/tmp/thalweg-x", "bad"}, "\"/tmp/thalweg-x\" is not directly in top/");
  EXPECT_FALSE(fs::exists("/tmp/thalweg-x"));
  expect_refused({"top/../x", "bad"}, "is not directly in top/");
  expect_refused({"top/../../x", "bad"}, "is not directly in top/");
  expect_refused({"top/deeper/x", "bad"}, "is not directly in top/");
  expect_refused({"x", "bad"}, "is not directly in top/");
  expect_refused({"topx", "bad"}, "is not directly in top/");
  expect_refused({"top/..", "bad"}, "top/");
  expect_refused({"other/", "", 'd'}, "is not a plain file in top/");
  expect_refused({"top/deeper/", "", 'd'}, "is not a plain file in top/");
}

TEST_F(Unpack, RefusesLinksAndSpecialFiles) {
  expect_refused({"top/x", "", 's', "/etc/passwd"}, "\"top/x\" is a link");
  expect_refused({"top/x", "", 'h', "top/y"}, "\"top/x\" is a link");
  expect_refused({"top", "", 's', "/tmp"}, "\"top\" is a link");
  expect_refused({"top/x", "", 'p'}, "is not a plain file");
}

TEST_F(Unpack, RefusesANameThatComesTwice) {
  expect_error([&] { unpack(make_archive({{"top/x", "one"}, {"top/x", "two"}})); }, "cannot create");
  EXPECT_EQ(read_file(target() / "x"), "one");
}

TEST_F(Unpack, StopsAtTheSizeLimit) {
  const std::string content(1000, 'x');
  unpack(make_archive({{"top/a", content}, {"top/b", content}}), 2000);
  EXPECT_EQ(read_file(target() / "b"), content);
  expect_error(
      [&] {
        unpack(make_archive({{"top/c", content}, {"top/d", content + "x"}}), 2000);
      },
      "unpacks to more than 2000 bytes");
  EXPECT_EQ(fs::file_size(target() / "d"), 0U);
}

TEST_F(Unpack, StopsAtTheHundredthEntry) {
  std::vector<ArchiveEntry> entries(101, {"top/", "", 'd'});
  expect_error([&] { unpack(make_archive(entries)); }, "more than 100 entries");
}

TEST_F(Unpack, RefusesWhatIsNoArchiveOrIsCutOff) {
  expect_error([&] { unpack("this is not an archive"); }, "archive: Unrecognized archive format");
  expect_error([&] { unpack(""); }, "archive: ");
  const std::string bytes = make_archive({{"top/x", records(cifar_format("cifar10"), 30)}});
  for (const std::size_t size : {bytes.size() - 1, bytes.size() / 2, bytes.size() / 8}) {
    SCOPED_TRACE(size);
    expect_error([&] { unpack(bytes.substr(0, size)); }, "archive: ");
    fs::remove(target() / "x");
  }
}

TEST_F(Unpack, StopsWhenAskedTo) {
  request_stop();
  EXPECT_THROW(unpack(make_archive({{"top/x", "hello"}})), Stopped);
  request_stop(false);
}

}  // namespace
}  // namespace thalweg
