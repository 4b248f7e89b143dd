#include "io/event_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/file_limit.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

// An independent decoder that knows only protobuf's wire format.
struct Field {
  unsigned wire_type = 0;
  std::uint64_t number = 0;  // for varints and fixed-size values, as bits
  std::string bytes;
};
using Message = std::multimap<std::uint64_t, Field>;

std::uint64_t little_endian(const std::string& bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value * 256 + static_cast<unsigned char>(bytes.at(at + i));
  return value;
}

std::uint64_t read_varint(const std::string& bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.at(at++));
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

Message decode(const std::string& bytes) {
  Message message;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::uint64_t key = read_varint(bytes, at);
    Field field;
    field.wire_type = key % 8;
    if (field.wire_type == 0) {
      field.number = read_varint(bytes, at);
    } else {
      const std::size_t size = field.wire_type == 1 ? 8 : field.wire_type == 5 ? 4 : read_varint(bytes, at);
      if (at + size > bytes.size()) throw std::runtime_error("a field reaches beyond its message");
      field.bytes = bytes.substr(at, size);
      if (field.wire_type != 2) field.number = little_endian(bytes, at, size);
      at += size;
    }
    message.emplace(key / 8, field);
  }
  return message;
}

const Field& only(const Message& message, std::uint64_t field) {
  if (message.count(field) != 1) throw std::runtime_error("no field, or several: " + std::to_string(field));
  return message.find(field)->second;
}

// Computed bit by bit from the polynomial, without a table.
std::uint32_t slow_masked_crc(const std::string& data) {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : data) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc / 2 ^ (crc % 2 * 0x82f63b78);
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
}

std::vector<Message> read_events(const fs::path& file) {
  const std::string content = read_file(file);
  std::vector<Message> events;
  for (std::size_t at = 0; at < content.size();) {
    const std::string header = content.substr(at, 8);
    const std::uint64_t size = little_endian(header, 0, 8);
    EXPECT_EQ(little_endian(content, at + 8, 4), slow_masked_crc(header));
    const std::string data = content.substr(at + 12, size);
    EXPECT_EQ(little_endian(content, at + 12 + size, 4), slow_masked_crc(data));
    events.push_back(decode(data));
    at += 16 + size;
  }
  return events;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files{fs::directory_iterator(folder), fs::directory_iterator()};
  std::sort(files.begin(), files.end());
  return files;
}

std::map<std::string, float> scalars_of(const Message& event) {
  std::map<std::string, float> scalars;
  const Message summary = decode(only(event, 5).bytes);
  for (const auto& [number, field] : summary) {
    const Message value = decode(field.bytes);
    float number_value = 0;
    std::memcpy(&number_value, only(value, 2).bytes.data(), 4);
    scalars[only(value, 1).bytes] = number_value;
  }
  return scalars;
}

TEST(EventFile, ChecksumsAreThoseOfTheReference) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(EventFile, BeginsWithVersionAndSessionStart) {
  const TempFolder folder;
  const EventFile file(folder.path(), 7);
  const std::vector<Message> events = read_events(files_in(folder.path()).at(0));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(only(events[0], 3).bytes, "brain.Event:2");
  EXPECT_EQ(only(events[1], 2).number, 7u);
  EXPECT_EQ(only(decode(only(events[1], 7).bytes), 1).number, 1u);
}

TEST(EventFile, HoldsScalarsWithStepAndTime) {
  const TempFolder folder;
  EventFile file(folder.path(), 0);
  const std::int64_t far = 5'000'000'000;  // a varint of five bytes
  file.add(1, {{"loss/train", 2.5}, {"accuracy/test", 0.25}});
  file.add(far, {{std::string(200, 'x'), -1e-3}});  // a length of two bytes
  file.add(far + 1, {{"nan", std::nan("")}, {"infinite", INFINITY}});
  file.add(far + 2, {});
  file.flush();
  const std::vector<Message> events = read_events(files_in(folder.path()).at(0));
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(only(events[2], 2).number, 1u);
  EXPECT_EQ(scalars_of(events[2]), (std::map<std::string, float>{{"loss/train", 2.5F}, {"accuracy/test", 0.25F}}));
  EXPECT_EQ(only(events[3], 2).number, static_cast<std::uint64_t>(far));
  EXPECT_EQ(scalars_of(events[3]), (std::map<std::string, float>{{std::string(200, 'x'), -1e-3F}}));
  EXPECT_TRUE(std::isnan(scalars_of(events[4]).at("nan")));
  EXPECT_TRUE(std::isinf(scalars_of(events[4]).at("infinite")));
  double time = 0;
  std::memcpy(&time, only(events[2], 1).bytes.data(), 8);
  EXPECT_NEAR(time, static_cast<double>(std::time(nullptr)), 60);
}

TEST(EventFile, ALaterFileSortsBehindThoseThatAreThere) {
  const TempFolder folder;
  // A file from a machine with a clock that is ahead.
  write_file_atomically(folder / "events.out.tfevents.9000000000.elsewhere.12.0", "");
  write_file_atomically(folder / "events.out.tfevents.garbage", "");
  { const EventFile first(folder.path(), 0); }
  { const EventFile second(folder.path(), 3); }
  const std::vector<fs::path> files = files_in(folder.path());
  ASSERT_EQ(files.size(), 4u);
  EXPECT_EQ(only(read_events(files[1]).at(1), 2).number, 0u);
  EXPECT_EQ(only(read_events(files[2]).at(1), 2).number, 3u);
}

TEST(EventFile, SaysWhenTheDiskIsFull) {
  const TempFolder folder;
  EventFile file(folder.path(), 0);
  file.add(1, {{std::string(100'000, 'x'), 1}});
  const FileSizeLimit limit(10'000);
  expect_error([&] { file.flush(); }, "events.out.tfevents.");
}

}  // namespace
}  // namespace thalweg
