// The system calls that this program writes and reads its files with. Interrupted and partial calls are continued, and
// every failure is an Error that names the attempted action, the path and the system's reason.
#pragma once

#include <cstddef>
#include <filesystem>

namespace thalweg {

// Throws "cannot <action> <path>: <reason>" for the current errno.
[[noreturn]] void fail_with_errno(const char* action, const std::filesystem::path& path);

// Owns a file descriptor. Closes it without reporting errors; after writing, sync first or close by hand and check.
class FileHandle {
 public:
  explicit FileHandle(int fd) : fd_(fd) {}
  ~FileHandle();
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Calls open(2) with O_CLOEXEC. New files get the usual permissions (0666 without the umask). Errors name `shown`, or
// `path` if it is empty.
int open_or_fail(const std::filesystem::path& path, int flags, const char* action,
                 const std::filesystem::path& shown = {});
void write_all(int fd, const void* data, std::size_t bytes, const std::filesystem::path& path);
// Reads until `bytes` bytes have arrived or the file ends; returns the number of bytes read.
std::size_t read_up_to(int fd, void* data, std::size_t bytes, const std::filesystem::path& path);
// Throws Error unless it is a regular file.
std::size_t file_size_of(int fd, const std::filesystem::path& path);
// Takes an advisory lock (flock) that ends with the process; returns false if another open file holds it. Returns true
// on file systems without locks (some network ones).
bool try_lock(int fd);
// Flushes data and metadata to disk.
void sync_file(int fd, const std::filesystem::path& path);
// Makes names created, renamed or removed in this folder durable. Does nothing on file systems that cannot sync a
// folder.
void sync_folder(const std::filesystem::path& folder);
// Returns the folder that contains the file; "." for a bare name.
std::filesystem::path folder_of(const std::filesystem::path& path);
// Creates the folder and its missing parents.
void create_folders(const std::filesystem::path& folder);

}  // namespace thalweg
