// An append-only journal. The first record is a header; each record carries its length and CRC-32. Opening the log
// drops an incomplete tail that a killed process or a full disk has left.
//
// Layout: "TWLOG1\n\0" (8 bytes), then records, each: u32 LE payload length in bytes (1 to 2^32 - 1; no record is
// empty), u32 LE CRC-32 of the payload, payload. Only one process may write a log at a time (flock); any process may
// read it meanwhile.
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
  // Opens or creates the log. If the file exists, its header must equal `header`, otherwise throws Error with
  // `mismatch_advice`. A damaged record ends the log: it and everything after it are cut off.
  RecordLog(const std::filesystem::path& path, std::string_view header, const std::string& mismatch_advice);

  std::size_t size() const { return ends_.size(); }  // records without the header
  // Returns the records that the log held when it was opened and gives up ownership: a second call returns none.
  std::vector<std::string> take_found() { return std::exchange(found_, {}); }
  // The record is on disk when this returns. Throws Error (for example if the disk is full), leaving the log as it was.
  void append(std::string_view payload);
  // Keeps only the first `count` records.
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

// Reads the records of an existing log without opening it for writing; the header is the first.
std::vector<std::string> read_record_log(const std::filesystem::path& path);
// Reads only the header, regardless of what follows it.
std::string read_record_log_header(const std::filesystem::path& path);

}  // namespace thalweg
