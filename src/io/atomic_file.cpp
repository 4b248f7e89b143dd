#include "io/atomic_file.h"

#include <atomic>
#include <cerrno>
#include <random>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "io/posix_file.h"

namespace thalweg {
namespace {

// Unique within this process (counter) and almost certainly among hosts that share the folder (random number); O_EXCL
// catches the rest.
std::filesystem::path temporary_name(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  static const unsigned process = std::random_device{}();
  return folder_of(path) /
         fmt::format(".{}.{}-{:08x}-{}.tmp", path.filename().string(), ::getpid(), process, counter.fetch_add(1));
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path) {
  check(path.has_filename(), "cannot write \"{}\": it does not name a file", path.string());
  create_folders(folder_of(path));
  temporary_ = temporary_name(path);
  fd_ = open_or_fail(temporary_, O_WRONLY | O_CREAT | O_EXCL, "create", path_);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  write_all(fd_, data, bytes, path_);
}

void AtomicFile::commit() {
  check(fd_ >= 0 && !committed_, "{} was committed already", path_.string());
  sync_file(fd_, path_);
  // Network file systems may not report a full disk before this point.
  const int closed = ::close(fd_);
  fd_ = -1;
  if (closed != 0 && errno != EINTR) fail_with_errno("write", path_);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with_errno("rename the temporary file to", path_);
  committed_ = true;
  sync_folder(folder_of(path_));
}

namespace {

void remove_hidden(const std::filesystem::path& folder, const std::string& prefix) {
  if (!std::filesystem::exists(folder)) return;
  std::vector<std::filesystem::path> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(".tmp")) left.push_back(entry.path());
  }
  for (const std::filesystem::path& file : left) std::filesystem::remove(file);
}

}  // namespace

void remove_temporaries(const std::filesystem::path& folder) {
  remove_hidden(folder, ".");
}

void remove_temporaries_of(const std::filesystem::path& file) {
  remove_hidden(file.parent_path(), fmt::format(".{}.", file.filename().string()));
}

void check_can_write(const std::filesystem::path& path) {
  const AtomicFile removed_again(path);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

std::string read_file(const std::filesystem::path& path) {
  const FileHandle file(open_or_fail(path, O_RDONLY, "open"));
  // Reads in blocks to the end instead of by size, because pipes and /proc files have no size.
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  std::string text;
  for (std::size_t got = kBlock; got == kBlock;) {
    const std::size_t before = text.size();
    text.resize(before + kBlock);
    got = read_up_to(file.get(), text.data() + before, kBlock, path);
    text.resize(before + got);
  }
  return text;
}

bool file_begins_with(const std::filesystem::path& path, std::string_view text) {
  const FileHandle file(open_or_fail(path, O_RDONLY, "open"));
  std::string begin(text.size(), '\0');
  begin.resize(read_up_to(file.get(), begin.data(), begin.size(), path));
  return begin == text;
}

}  // namespace thalweg
