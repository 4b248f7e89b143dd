#include "io/folder_lock.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"

namespace thalweg {

FolderLock::FolderLock(const std::filesystem::path& folder, IfHeld if_held) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  check(!error, "cannot create the folder {}: {}", folder.string(), error.message());
  const std::filesystem::path path = folder / ".lock";
  fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  check(fd_ >= 0, "cannot write in {}: {}", folder.string(), std::strerror(errno));
  int status;
  do {
    status = flock(fd_, if_held == IfHeld::kWait ? LOCK_EX : LOCK_EX | LOCK_NB);
  } while (status != 0 && errno == EINTR);
  if (status != 0) {
    const int reason = errno;
    close(fd_);
    check(reason != EWOULDBLOCK, "{} is in use by another thalweg process; wait for it or choose another --out",
          folder.string());
    fail("cannot lock {}: {}", path.string(), std::strerror(reason));
  }
}

FolderLock::~FolderLock() {
  close(fd_);
}

}  // namespace thalweg
