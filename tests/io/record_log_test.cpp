#include "io/record_log.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/file_limit.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

using Records = std::vector<std::string>;

const Records kRecords = {"one", std::string("t\0wo", 4), std::string(40, 'x')};

// Writes a log of kRecords and returns its bytes.
std::string make_log(const std::filesystem::path& path) {
  RecordLog log(path, "header", "");
  for (const std::string& record : kRecords) log.append(record);
  return read_file(path);
}

// The records on disk, without the header.
Records records_of(const std::filesystem::path& path) {
  const Records all = read_record_log(path);
  return {all.begin() + 1, all.end()};
}

Records first_records(std::size_t count) {
  return {kRecords.begin(), kRecords.begin() + static_cast<long>(count)};
}

// The number of records that are complete within the first `size` bytes of make_log's file.
std::size_t num_whole(std::size_t size) {
  std::size_t end = 8 + 8 + 6, count = 0;
  for (const std::string& record : kRecords) {
    end += 8 + record.size();
    if (end <= size) ++count;
  }
  return count;
}

TEST(RecordLog, GivesBackWhatWasAppended) {
  TempFolder folder;
  make_log(folder / "log");
  RecordLog log(folder / "log", "header", "");
  EXPECT_EQ(log.take_found(), kRecords);
  EXPECT_EQ(log.take_found(), Records());
  log.append("four");
  EXPECT_EQ(log.size(), 4u);
  EXPECT_EQ(records_of(folder / "log").back(), "four");
  EXPECT_EQ(read_record_log(folder / "log").size(), 5u);
  EXPECT_EQ(read_record_log(folder / "log").front(), "header");
}

TEST(RecordLog, GivesItsHeaderAlone) {
  TempFolder folder;
  const std::string bytes = make_log(folder / "log");
  constexpr std::size_t kStart = 8 + 8 + 6;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    write_file_atomically(folder / "cut", bytes.substr(0, size));
    if (size < kStart)
      expect_error([&] { read_record_log_header(folder / "cut"); }, (folder / "cut").string());
    else
      ASSERT_EQ(read_record_log_header(folder / "cut"), "header") << size;
  }
  for (std::size_t at = 0; at < kStart; ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x80);  // the length's highest bit: 2 GiB
    write_file_atomically(folder / "damaged", damaged);
    expect_error([&] { read_record_log_header(folder / "damaged"); }, (folder / "damaged").string());
  }
}

TEST(RecordLog, HasTheDocumentedLayout) {
  TempFolder folder;
  { RecordLog(folder / "log", "123456789", ""); }
  EXPECT_EQ(read_file(folder / "log"), std::string("TWLOG1\n\0\x09\0\0\0\x26\x39\xf4\xcb"
                                                   "123456789",
                                                   25));
}

TEST(RecordLog, DropsATailTornAtAnyByte) {
  TempFolder folder;
  const std::string bytes = make_log(folder / "whole");
  const auto path = folder / "torn";
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    write_file_atomically(path, bytes.substr(0, size));
    const Records whole = first_records(num_whole(size));
    {
      RecordLog log(path, "header", "");
      ASSERT_EQ(log.take_found(), whole) << size;
      log.append("next");
    }
    Records all = whole;
    all.insert(all.begin(), "header");
    all.push_back("next");
    ASSERT_EQ(read_record_log(path), all) << size;
  }
}

TEST(RecordLog, EndsAtTheRecordWithAFlippedByte) {
  TempFolder folder;
  const std::string bytes = make_log(folder / "whole");
  const auto path = folder / "flipped";
  for (std::size_t at = 8 + 8 + 6; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_file_atomically(path, damaged);
    RecordLog log(path, "header", "");
    ASSERT_EQ(log.take_found(), first_records(num_whole(at))) << at;
  }
}

TEST(RecordLog, RefusesADamagedHeaderAndLeavesTheFile) {
  TempFolder folder;
  const std::string bytes = make_log(folder / "whole");
  const auto path = folder / "damaged";
  for (std::size_t at = 0; at < 8 + 8 + 6; ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x01);
    write_file_atomically(path, damaged);
    expect_error([&] { RecordLog(path, "header", ""); }, path.string());
    ASSERT_EQ(read_file(path), damaged) << at;
  }
}

TEST(RecordLog, RefusesAnotherHeaderWithTheAdvice) {
  TempFolder folder;
  const std::string bytes = make_log(folder / "log");
  expect_error([&] { RecordLog(folder / "log", "headerx", "Remove it."); }, "not the expected one. Remove it.");
  expect_error([&] { RecordLog(folder / "log", "heade", "Remove it."); }, "Remove it.");
  EXPECT_EQ(read_file(folder / "log"), bytes);
}

TEST(RecordLog, ZerosAfterAPowerCutAreNotRecords) {
  TempFolder folder;
  const std::string bytes = make_log(folder / "log");
  write_file_atomically(folder / "log", bytes + std::string(64, '\0'));
  EXPECT_EQ(read_record_log(folder / "log").size(), 1 + kRecords.size());
  { EXPECT_EQ(RecordLog(folder / "log", "header", "").take_found(), kRecords); }
  EXPECT_EQ(read_file(folder / "log"), bytes);
}

TEST(RecordLog, RefusesEmptyRecords) {
  TempFolder folder;
  RecordLog log(folder / "log", "header", "");
  expect_error([&] { log.append(""); }, "1 byte to 4 GiB, got 0");
  expect_error([&] { RecordLog(folder / "other", "", ""); }, "1 byte to 4 GiB, got 0");
  EXPECT_FALSE(std::filesystem::exists(folder / "other"));
}

TEST(RecordLog, KeepsTheFirstRecords) {
  TempFolder folder;
  for (std::size_t count = 0; count <= kRecords.size(); ++count) {
    const auto path = folder / std::to_string(count);
    make_log(path);
    {
      RecordLog log(path, "header", "");
      expect_error([&] { log.truncate(4); }, "cannot keep 4 records, since it holds 3");
      log.truncate(count);
      EXPECT_EQ(log.size(), count);
      EXPECT_EQ(records_of(path), first_records(count));
      log.append("after");
    }
    Records expected = first_records(count);
    expected.push_back("after");
    EXPECT_EQ(RecordLog(path, "header", "").take_found(), expected);
  }
}

TEST(RecordLog, AFullDiskLeavesItValid) {
  TempFolder folder;
  const auto path = folder / "log";
  const std::string bytes = make_log(path);
  RecordLog log(path, "header", "");
  // Room for nothing, for part of the prefix, for the prefix, and for part of the payload.
  for (const std::size_t room : {0, 3, 8, 20}) {
    {
      const FileSizeLimit limit(bytes.size() + room);
      expect_error([&] { log.append(std::string(50, 'y')); }, "cannot write " + path.string() + ": File too large");
    }
    EXPECT_EQ(log.size(), kRecords.size());
    EXPECT_EQ(records_of(path), kRecords);
    EXPECT_EQ(read_file(path), bytes);
  }
  log.append("after");
  EXPECT_EQ(read_record_log(path).back(), "after");
}

TEST(RecordLog, HasOneWriterAtATime) {
  TempFolder folder;
  RecordLog log(folder / "log", "header", "");
  expect_error([&] { RecordLog(folder / "log", "header", ""); }, "is being written by another process");
  EXPECT_EQ(read_record_log(folder / "log").size(), 1u);
}

TEST(RecordLog, ReadingNamesWhatIsNoLog) {
  TempFolder folder;
  write_file_atomically(folder / "text", "no log at all");
  expect_error([&] { read_record_log(folder / "text"); }, "is not a record log");
  expect_error([&] { RecordLog(folder / "text", "header", ""); }, "is not a record log");
  expect_error([&] { read_record_log(folder / "none"); }, "No such file");
  EXPECT_EQ(read_file(folder / "text"), "no log at all");
}

}  // namespace
}  // namespace thalweg
