#include "data/unpack.h"

#include <cstdint>
#include <memory>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/stop.h"
#include "io/posix_file.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxEntries = 100;  // CIFAR's archives have ten

using Archive = std::unique_ptr<archive, int (*)(archive*)>;

const char* reason(archive* reader) {
  const char* text = archive_error_string(reader);
  return text != nullptr ? text : "not readable";
}

Archive open_archive(const fs::path& path) {
  Archive reader(archive_read_new(), &archive_read_free);
  check(reader != nullptr, "libarchive cannot create a handle");
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  const int result = archive_read_open_filename(reader.get(), path.c_str(), 1 << 16);
  check(result == ARCHIVE_OK, "{}: {}", path.string(), reason(reader.get()));
  return reader;
}

// Returns the file's name within the top folder, or "" for the top folder itself. Throws for any other entry.
std::string accept_entry(const UnpackRequest& request, archive_entry* entry) {
  const char* raw = archive_entry_pathname(entry);
  check(raw != nullptr, "{}: an entry has no readable name", request.archive.string());
  const std::string shown = fmt::format("{}: entry \"{}\"", request.archive.string(), raw);
  check(archive_entry_hardlink(entry) == nullptr && archive_entry_symlink(entry) == nullptr,
        "{} is a link, but the data set consists of plain files only", shown);
  std::string_view path = raw;
  if (path.starts_with("./")) path.remove_prefix(2);
  const bool is_folder = archive_entry_filetype(entry) == AE_IFDIR;
  if (is_folder && (path.empty() || path == request.top || path == request.top + "/")) return "";
  check(archive_entry_filetype(entry) == AE_IFREG, "{} is not a plain file in {}/", shown, request.top);
  const bool inside = path.starts_with(request.top + "/");
  const std::string_view name = inside ? path.substr(request.top.size() + 1) : std::string_view();
  check(!name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos,
        "{} is not directly in {}/, where all files of the data set belong", shown, request.top);
  return std::string(name);
}

class OutputFile {
 public:
  explicit OutputFile(const fs::path& path)
      : path_(path), fd_(open_or_fail(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, "create")) {}
  ~OutputFile() { ::close(fd_); }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  void write(const void* data, std::size_t bytes) { write_all(fd_, data, bytes, path_); }
  void sync() { sync_file(fd_, path_); }

 private:
  fs::path path_;
  int fd_;
};

// Returns the number of bytes written. The limit applies to the actual output, not to the size in the header.
std::int64_t write_entry(const UnpackRequest& request, archive* reader, const std::string& name, std::int64_t left) {
  OutputFile file(request.target / name);
  std::vector<char> buffer(1 << 20);
  std::int64_t written = 0;
  while (true) {
    if (stop_requested())
      throw Stopped("stopped while unpacking " + request.archive.string() + "; the same command unpacks it again");
    const la_ssize_t count = archive_read_data(reader, buffer.data(), buffer.size());
    check(count >= 0, "{}: entry \"{}\": {}", request.archive.string(), name, reason(reader));
    if (count == 0) break;
    written += count;
    check(written <= left, "{}: unpacks to more than {} bytes, so it is not the expected archive",
          request.archive.string(), request.max_bytes);
    file.write(buffer.data(), static_cast<std::size_t>(count));
  }
  file.sync();
  return written;
}

}  // namespace

void unpack_archive(const UnpackRequest& request) {
  const Archive reader = open_archive(request.archive);
  std::int64_t left = request.max_bytes;
  int num_entries = 0;
  archive_entry* entry = nullptr;
  while (true) {
    const int result = archive_read_next_header(reader.get(), &entry);
    if (result == ARCHIVE_EOF) break;
    check(result == ARCHIVE_OK, "{}: {}", request.archive.string(), reason(reader.get()));
    check(++num_entries <= kMaxEntries, "{}: has more than {} entries, so it is not the expected archive",
          request.archive.string(), kMaxEntries);
    const std::string name = accept_entry(request, entry);
    if (!name.empty()) left -= write_entry(request, reader.get(), name, left);
  }
}

}  // namespace thalweg
