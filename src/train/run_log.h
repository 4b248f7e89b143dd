// log.txt: a run's history for people to read, each entry with its time (UTC). Resumed runs append to it and nothing is
// ever removed, since it is history, not a result.
#pragma once

#include <filesystem>
#include <string_view>

#include "io/posix_file.h"

namespace thalweg {

class RunLog {
 public:
  explicit RunLog(const std::filesystem::path& file);

  // `text` may have several lines. Throws Error (for example if the disk is full).
  void write(std::string_view text);

 private:
  std::filesystem::path path_;
  FileHandle file_;
};

}  // namespace thalweg
