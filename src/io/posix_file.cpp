#include "io/posix_file.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

namespace thalweg {

void fail_with_errno(const char* action, const std::filesystem::path& path) {
  const std::string reason = std::generic_category().message(errno);
  fail("cannot {} {}: {}", action, path.string(), reason);
}

FileHandle::~FileHandle() {
  if (fd_ >= 0) ::close(fd_);
}

int open_or_fail(const std::filesystem::path& path, int flags, const char* action, const std::filesystem::path& shown) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) fail_with_errno(action, shown.empty() ? path : shown);
  return fd;
}

void write_all(int fd, const void* data, std::size_t bytes, const std::filesystem::path& path) {
  const char* rest = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(fd, rest, bytes);
    if (written < 0) {
      if (errno == EINTR) continue;
      fail_with_errno("write", path);
    }
    rest += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

std::size_t read_up_to(int fd, void* data, std::size_t bytes, const std::filesystem::path& path) {
  char* rest = static_cast<char*>(data);
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got = ::read(fd, rest + done, bytes - done);
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      fail_with_errno("read", path);
    }
  }
  return done;
}

std::size_t file_size_of(int fd, const std::filesystem::path& path) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) fail_with_errno("read", path);
  check(S_ISREG(info.st_mode), "cannot read {}: it is not a regular file", path.string());
  return static_cast<std::size_t>(info.st_size);
}

bool try_lock(int fd) {
  return ::flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

void sync_file(int fd, const std::filesystem::path& path) {
  while (::fsync(fd) != 0) {
    if (errno != EINTR) fail_with_errno("sync", path);
  }
}

void sync_folder(const std::filesystem::path& folder) {
  const FileHandle file(open_or_fail(folder, O_RDONLY | O_DIRECTORY, "open the folder"));
  int result;
  do {
    result = ::fsync(file.get());
  } while (result != 0 && errno == EINTR);
  // Some network and FUSE file systems refuse to sync a folder; nothing better can be done there.
  if (result != 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS) fail_with_errno("sync the folder", folder);
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

void create_folders(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  check(!error, "cannot create the folder {}: {}", folder.string(), error.message());
}

}  // namespace thalweg
