// An append-only journal: the first record is a header, each record carries its length and CRC-32, and a tail that a
// kill or a full disk left half-written is dropped on opening.
//
// Layout: "TWLOG1\n\0" (8 bytes), then records of: u32 LE payload bytes (1 to 2^32 - 1: no record is empty), u32 LE
// CRC-32 of the payload, payload. One process writes a log at a time (flock); anyone may read it meanwhile.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/posix_file.h"

namespace thalweg {

class RecordLog {
 public:
  // Opens or creates. If the file exists its header must equal `header`, otherwise Error with `mismatch_advice`.
  // A damaged record ends the log there: it and all after it are cut off.
  RecordLog(const std::filesystem::path& path, std::string_view header, const std::string& mismatch_advice);

  std::size_t size() const { return ends_.size(); }  // records, without the header
  // Those that were there when the log was opened, for the caller to keep: the second call gives none.
  std::vector<std::string> take_found() { return std::exchange(found_, {}); }
  // On disk when this returns; throws Error (disk full) with the log as it was before.
  void append(std::string_view payload);
  // Keeps the first `count` records.
  void truncate(std::size_t count);

 private:
  std::size_t end() const;  // file offset after the last record
  void cut_to(std::size_t offset);

  std::filesystem::path path_;
  FileHandle file_;
  std::vector<std::string> found_;
  std::vector<std::size_t> ends_;  // file offset after record i
  std::size_t start_ = 0;          // file offset after the header record
};

// Reads the records of an existing log without opening it for writing; the header comes first.
std::vector<std::string> read_record_log(const std::filesystem::path& path);
// The header alone, whatever follows it.
std::string read_record_log_header(const std::filesystem::path& path);

}  // namespace thalweg
