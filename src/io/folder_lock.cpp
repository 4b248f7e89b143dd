#include "io/folder_lock.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"

namespace thalweg {
namespace {

constexpr auto kBetweenTries = std::chrono::milliseconds(10);
constexpr int kTries = 1000;

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& folder, IfHeld if_held) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  check(!error, "cannot create the folder {}: {}", folder.string(), error.message());
  const std::filesystem::path path = folder / ".lock";
  fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  check(fd_ >= 0, "cannot write in {}: {}", folder.string(), std::strerror(errno));
  int tries = if_held == IfHeld::kWait ? kTries : 1;
  while (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    if (reason == EWOULDBLOCK && --tries > 0) {
      std::this_thread::sleep_for(kBetweenTries);
      continue;
    }
    close(fd_);
    check(reason != EWOULDBLOCK || if_held == IfHeld::kWait,
          "{} is in use by another thalweg process; wait for it or choose another --out", folder.string());
    fail("cannot lock {}: {}", path.string(), std::strerror(reason));
  }
}

FolderLock::~FolderLock() {
  close(fd_);
}

}  // namespace thalweg
