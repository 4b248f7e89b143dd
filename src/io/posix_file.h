// The few system calls that files of ours are made with: interrupted and partial calls go on, and every failure is an
// Error that names what was tried, the path and the system's reason.
#pragma once

#include <cstddef>
#include <filesystem>

namespace thalweg {

// Throws "cannot <action> <path>: <reason>" for the current errno.
[[noreturn]] void fail_with_errno(const char* action, const std::filesystem::path& path);

// Owns a file descriptor; closes it without a word (for writing, sync first or close by hand and look at the result).
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

// open(2) with O_CLOEXEC; new files get the usual permissions (0666 less the umask). The error is about `shown`, or
// where that is empty about `path`.
int open_or_fail(const std::filesystem::path& path, int flags, const char* action,
                 const std::filesystem::path& shown = {});
void write_all(int fd, const void* data, std::size_t bytes, const std::filesystem::path& path);
// Reads until `bytes` are there or the file ends; returns how many there were.
std::size_t read_up_to(int fd, void* data, std::size_t bytes, const std::filesystem::path& path);
// Throws unless it is a regular file.
std::size_t file_size_of(int fd, const std::filesystem::path& path);
// Takes an advisory lock (flock) that goes with the process; false where another open file holds it. File systems
// without locks (some network ones) are let pass.
bool try_lock(int fd);
// Data and metadata on disk.
void sync_file(int fd, const std::filesystem::path& path);
// Makes names created, renamed or removed in this folder durable. File systems that cannot sync a folder are let pass.
void sync_folder(const std::filesystem::path& folder);
// The folder a file lies in: "." for a bare name.
std::filesystem::path folder_of(const std::filesystem::path& path);
// Creates the folder and those above it where they are missing.
void create_folders(const std::filesystem::path& folder);

}  // namespace thalweg
