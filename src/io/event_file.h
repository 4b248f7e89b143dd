// Scalars in a TensorBoard event file (events.out.tfevents.*), written without protobuf or TensorFlow.
//
// A file is a list of records: u64 LE length, u32 LE masked CRC-32C of those 8 bytes, data, u32 LE masked CRC-32C of
// the data; masked = rotate_right(crc, 15) + 0xa282ead8. The data are protobuf messages of type "Event", in three
// forms:
//   {1: wall_time (double), 3: "brain.Event:2"}                            the first
//   {1: wall_time, 2: step (int64), 7: {1: 1}}                             session start
//   {1: wall_time, 2: step, 5: {1: {1: tag (string), 2: value (float)}*}}  scalars
// TensorBoard reads a run's files in the order of their names. At every session start but the first it discards what it
// has read of that step and later ones. A resumed run therefore opens a new file: records orphaned by a kill vanish.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/posix_file.h"

namespace thalweg {

struct EventScalar {
  std::string tag;
  double value = 0;  // stored as float32
};

class EventFile {
 public:
  // Creates a file in `folder` whose name sorts after those of the existing event files, and starts a session whose
  // first step is `first_step`.
  EventFile(const std::filesystem::path& folder, std::int64_t first_step);

  // Buffers in memory until flush(). Not thread-safe.
  void add(std::int64_t step, const std::vector<EventScalar>& scalars);
  // Writes the buffered records to the file, where readers see them. Throws Error (for example if the disk is full).
  void flush();

 private:
  void append_record(std::string_view data);

  std::filesystem::path path_;
  FileHandle file_;
  std::string pending_;  // records not written yet
};

// CRC-32C (Castagnoli), the checksum of the records.
std::uint32_t crc32c(std::string_view data);

}  // namespace thalweg
