// log.txt: what happened to a run, for people to read: the time (UTC), then what happened. Resumed runs append to it,
// and nothing is ever cut off: it is history, not a result.
#pragma once

#include <filesystem>
#include <string_view>

#include "io/posix_file.h"

namespace thalweg {

class RunLog {
 public:
  explicit RunLog(const std::filesystem::path& file);

  // `text` may have several lines. Throws Error (disk full).
  void write(std::string_view text);

 private:
  std::filesystem::path path_;
  FileHandle file_;
};

}  // namespace thalweg
