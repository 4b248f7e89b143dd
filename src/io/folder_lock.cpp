#include "io/folder_lock.h"

#include <chrono>
#include <thread>

#include <fcntl.h>

#include "base/error.h"

namespace thalweg {
namespace {

constexpr auto kBetweenTries = std::chrono::milliseconds(10);
constexpr int kTries = 1000;

int open_lock(const std::filesystem::path& folder) {
  create_folders(folder);
  return open_or_fail(folder / ".lock", O_RDWR | O_CREAT, "write");
}

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& folder, IfHeld if_held) : file_(open_lock(folder)) {
  for (int tries = if_held == IfHeld::kWait ? kTries : 1; !try_lock(file_.get());) {
    check(--tries > 0, "{} is in use by another thalweg process; wait for it{}", folder.string(),
          if_held == IfHeld::kFail ? " or choose another --out" : "");
    std::this_thread::sleep_for(kBetweenTries);
  }
}

}  // namespace thalweg
