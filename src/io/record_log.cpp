#include "io/record_log.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "io/atomic_file.h"

namespace thalweg {
namespace {

constexpr std::string_view kMagic("TWLOG1\n\0", 8);

struct Prefix {
  std::uint32_t bytes, crc;
};
static_assert(sizeof(Prefix) == 8);

std::string encode(std::string_view payload) {
  const Prefix prefix = {static_cast<std::uint32_t>(payload.size()), crc32_of(payload.data(), payload.size())};
  std::string record(sizeof prefix, '\0');
  std::memcpy(record.data(), &prefix, sizeof prefix);
  return record.append(payload);
}

void check_payload(std::string_view payload, const std::filesystem::path& path) {
  check(!payload.empty() && payload.size() <= std::numeric_limits<std::uint32_t>::max(),
        "{}: a record must have from 1 byte to 4 GiB, got {} bytes", path.string(), payload.size());
}

struct Parsed {
  std::vector<std::string> records;  // the header first
  std::vector<std::size_t> ends;     // file offset after each record
};

// Returns all records before the first damaged or incomplete one. `bytes` begins with kMagic.
Parsed parse(std::string_view bytes) {
  Parsed parsed;
  std::size_t at = kMagic.size();
  Prefix prefix;
  while (bytes.size() - at >= sizeof prefix) {
    std::memcpy(&prefix, bytes.data() + at, sizeof prefix);
    const std::string_view rest = bytes.substr(at + sizeof prefix);
    // No record is empty: otherwise zeros, which a file system may leave after a power failure, would read as records.
    if (prefix.bytes == 0 || prefix.bytes > rest.size()) break;
    if (crc32_of(rest.data(), prefix.bytes) != prefix.crc) break;
    at += sizeof prefix + prefix.bytes;
    parsed.records.emplace_back(rest.substr(0, prefix.bytes));
    parsed.ends.push_back(at);
  }
  return parsed;
}

Parsed parse_file(std::string_view bytes, const std::filesystem::path& path) {
  check(bytes.starts_with(kMagic), "{} is not a record log", path.string());
  Parsed parsed = parse(bytes);
  check(!parsed.records.empty(), "{}: the header of this record log is damaged", path.string());
  return parsed;
}

int open_or_create(const std::filesystem::path& path, std::string_view header) {
  check_payload(header, path);
  create_folders(folder_of(path));
  return open_or_fail(path, O_RDWR | O_CREAT, "open");
}

}  // namespace

RecordLog::RecordLog(const std::filesystem::path& path, std::string_view header, const std::string& mismatch_advice)
    : path_(path), file_(open_or_create(path, header)) {
  check(try_lock(file_.get()), "{} is being written by another process; wait for it or stop it", path.string());
  std::string bytes = read_file(path);
  // A new file, or one whose creation was interrupted: starting afresh loses nothing.
  const std::string start = std::string(kMagic) + encode(header);
  if (bytes.size() < start.size() && start.starts_with(bytes)) {
    write_all(file_.get(), start.data(), start.size(), path);
    sync_file(file_.get(), path);
    sync_folder(folder_of(path));
    bytes = start;
  }
  Parsed parsed = parse_file(bytes, path);
  check(parsed.records.front() == header, "{}: its header is not the expected one. {}", path.string(), mismatch_advice);
  start_ = parsed.ends.front();
  found_.assign(std::make_move_iterator(parsed.records.begin() + 1), std::make_move_iterator(parsed.records.end()));
  ends_.assign(parsed.ends.begin() + 1, parsed.ends.end());
  if (end() < bytes.size()) cut_to(end());
}

std::size_t RecordLog::end() const {
  return ends_.empty() ? start_ : ends_.back();
}

void RecordLog::cut_to(std::size_t offset) {
  if (::ftruncate(file_.get(), static_cast<off_t>(offset)) != 0) fail_with_errno("shorten", path_);
  sync_file(file_.get(), path_);
}

void RecordLog::append(std::string_view payload) {
  check_payload(payload, path_);
  const std::string record = encode(payload);
  const std::size_t before = end();
  try {
    if (::lseek(file_.get(), static_cast<off_t>(before), SEEK_SET) < 0) fail_with_errno("write", path_);
    write_all(file_.get(), record.data(), record.size(), path_);
    sync_file(file_.get(), path_);
  } catch (const Error&) {
    // If even this fails, the next opening drops the incomplete record, and the next append overwrites it.
    [[maybe_unused]] const int ignored = ::ftruncate(file_.get(), static_cast<off_t>(before));
    throw;
  }
  ends_.push_back(before + record.size());
}

void RecordLog::truncate(std::size_t count) {
  check(count <= size(), "{}: cannot keep {} records, since it holds {}", path_.string(), count, size());
  cut_to(count == 0 ? start_ : ends_[count - 1]);
  ends_.resize(count);
}

std::string read_record_log_header(const std::filesystem::path& path) {
  const FileHandle file(open_or_fail(path, O_RDONLY, "open"));
  std::string bytes(kMagic.size() + sizeof(Prefix), '\0');
  if (read_up_to(file.get(), bytes.data(), bytes.size(), path) == bytes.size()) {
    Prefix prefix;
    std::memcpy(&prefix, bytes.data() + kMagic.size(), sizeof prefix);
    const std::size_t before = bytes.size();
    const std::size_t rest = file_size_of(file.get(), path) - before;
    bytes.resize(before + std::min<std::size_t>(prefix.bytes, rest));  // a damaged length may claim up to 4 GiB
    bytes.resize(before + read_up_to(file.get(), bytes.data() + before, bytes.size() - before, path));
  }
  return std::move(parse_file(bytes, path).records.front());
}

std::vector<std::string> read_record_log(const std::filesystem::path& path) {
  return parse_file(read_file(path), path).records;
}

}  // namespace thalweg
