// Ensures one writer per folder by an advisory lock that ends with the process: a killed run leaves nothing to clean
// up.
#pragma once

#include <filesystem>

#include "io/posix_file.h"

namespace thalweg {

class FolderLock {
 public:
  enum class IfHeld { kFail, kWait };
  // Creates the folder if necessary. Throws Error if another process, or another lock of this one, holds it; kWait
  // first waits for it, at most ten seconds.
  explicit FolderLock(const std::filesystem::path& folder, IfHeld if_held = IfHeld::kFail);

 private:
  FileHandle file_;
};

}  // namespace thalweg
