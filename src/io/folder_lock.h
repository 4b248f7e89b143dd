// One writer a folder: an advisory lock that goes with the process, so that a killed run leaves nothing to clean up.
#pragma once

#include <filesystem>

namespace thalweg {

class FolderLock {
 public:
  // Creates the folder if need be. Throws Error if another process holds it.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace thalweg
