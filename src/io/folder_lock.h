// One writer a folder: an advisory lock that goes with the process, so that a killed run leaves nothing to clean up.
#pragma once

#include <filesystem>

#include "io/posix_file.h"

namespace thalweg {

class FolderLock {
 public:
  enum class IfHeld { kFail, kWait };
  // Creates the folder if need be. Throws Error if another process, or another lock of this one, holds it; having
  // waited for it, ten seconds at most, if that is asked for.
  explicit FolderLock(const std::filesystem::path& folder, IfHeld if_held = IfHeld::kFail);

 private:
  FileHandle file_;
};

}  // namespace thalweg
