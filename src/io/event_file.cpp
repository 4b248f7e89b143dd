#include "io/event_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/parse_number.h"

namespace thalweg {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are appended as they lie in memory");

constexpr std::string_view kPrefix = "events.out.tfevents.";

// --- protobuf's wire format: a key (field number * 8 + wire type), then the value ---

enum WireType : unsigned { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

template <typename T>
void append_raw(std::string& out, T value) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(value);
  out.append(bytes.data(), bytes.size());
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(0x80 | (value & 0x7f));
  out += static_cast<char>(value);
}

void append_key(std::string& out, unsigned field, WireType type) {
  append_varint(out, field << 3 | type);
}

void append_varint_field(std::string& out, unsigned field, std::int64_t value) {
  append_key(out, field, kVarint);
  append_varint(out, static_cast<std::uint64_t>(value));
}

void append_bytes_field(std::string& out, unsigned field, std::string_view value) {
  append_key(out, field, kBytes);
  append_varint(out, value.size());
  out += value;
}

// --- messages ---

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string start_event() {
  std::string event;
  append_key(event, 1, kFixed64);
  append_raw(event, wall_time());
  return event;
}

std::string encode_version() {
  std::string event = start_event();
  append_bytes_field(event, 3, "brain.Event:2");
  return event;
}

std::string encode_session_start(std::int64_t step) {
  std::string session;
  append_varint_field(session, 1, 1);  // status: START
  std::string event = start_event();
  append_varint_field(event, 2, step);
  append_bytes_field(event, 7, session);
  return event;
}

std::string encode_scalars(std::int64_t step, const std::vector<EventScalar>& scalars) {
  std::string summary;
  for (const EventScalar& scalar : scalars) {
    std::string value;
    append_bytes_field(value, 1, scalar.tag);
    append_key(value, 2, kFixed32);
    append_raw(value, static_cast<float>(scalar.value));
    append_bytes_field(summary, 1, value);
  }
  std::string event = start_event();
  append_varint_field(event, 2, step);
  append_bytes_field(event, 5, summary);
  return event;
}

// --- framing ---

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? value >> 1 ^ 0x82f63b78 : value >> 1;
    table[i] = value;
  }
  return table;
}

std::uint32_t masked_crc(std::string_view data) {
  return std::rotr(crc32c(data), 15) + 0xa282ead8;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

// Files sort by the ten-digit seconds in their names. Two files of the same second, or a clock that was set back, must
// not change the order.
std::int64_t next_seconds(const std::filesystem::path& folder) {
  auto seconds = static_cast<std::int64_t>(wall_time());
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    const std::string after = name.substr(kPrefix.size());
    if (const auto there = parse_number<std::int64_t>(after.substr(0, after.find('.'))))
      seconds = std::max(seconds, *there + 1);
  }
  return seconds;
}

std::filesystem::path new_file(const std::filesystem::path& folder) {
  create_folders(folder);
  return folder / fmt::format("{}{:010}.{}.{}.0", kPrefix, next_seconds(folder), host_name(), ::getpid());
}

}  // namespace

std::uint32_t crc32c(std::string_view data) {
  static constexpr std::array<std::uint32_t, 256> kTable = make_crc_table();
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char byte : data) crc = crc >> 8 ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder, std::int64_t first_step)
    : path_(new_file(folder)), file_(open_or_fail(path_, O_WRONLY | O_CREAT | O_EXCL, "create")) {
  append_record(encode_version());
  append_record(encode_session_start(first_step));
  flush();
}

void EventFile::add(std::int64_t step, const std::vector<EventScalar>& scalars) {
  if (!scalars.empty()) append_record(encode_scalars(step, scalars));
}

void EventFile::append_record(std::string_view data) {
  std::string length;
  append_raw(length, static_cast<std::uint64_t>(data.size()));
  pending_ += length;
  append_raw(pending_, masked_crc(length));
  pending_ += data;
  append_raw(pending_, masked_crc(data));
}

void EventFile::flush() {
  write_all(file_.get(), pending_.data(), pending_.size(), path_);
  pending_.clear();
}

}  // namespace thalweg
