#include "data/fetch.h"

#include <algorithm>
#include <cctype>
#include <system_error>

#include <fcntl.h>

#include "base/digest.h"
#include "base/error.h"
#include "data/download.h"
#include "data/folders.h"
#include "data/idx.h"
#include "data/unpack.h"
#include "io/posix_file.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

// A folder beside the target that the destructor removes unless it was moved away.
class StagingFolder {
 public:
  explicit StagingFolder(fs::path path) : path_(std::move(path)) {
    remove();  // may be left from a killed process
    create_folders(path_);
  }
  ~StagingFolder() { remove(); }
  StagingFolder(const StagingFolder&) = delete;
  StagingFolder& operator=(const StagingFolder&) = delete;
  const fs::path& path() const { return path_; }

  void move_to(const fs::path& target) {
    sync_folder(path_);
    std::error_code error;
    fs::rename(path_, target, error);
    check(!error, "cannot rename {} to {}: {}", path_.string(), target.string(), error.message());
    sync_folder(target.parent_path());
  }

 private:
  void remove() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  fs::path path_;
};

std::string expected_sha256(const CifarFormat& format, const FetchOptions& options) {
  std::string expected = options.sha256.empty() ? format.archive_sha256 : options.sha256;
  for (char& c : expected) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool good = expected.size() == 64 && expected.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!good) fail_usage("\"{}\" is not a SHA-256: expected 64 hexadecimal digits", options.sha256);
  return expected;
}

// Downloads to `part` until it has the expected checksum, or throws. Resumes a partial download; if the result has the
// wrong checksum, downloads it once more from the start.
void get_archive(const CifarFormat& format, const FetchOptions& options, const fs::path& part) {
  const std::string expected = expected_sha256(format, options);
  const bool resumed = fs::exists(part);
  if (resumed && sha256_of_file(part) == expected) return;
  const DownloadRequest request{.url = options.url.empty() ? format.archive_url : options.url,
                                .title = "fetch " + format.name,
                                .progress = options.progress,
                                .connect_timeout = options.connect_timeout,
                                .stall_timeout = options.stall_timeout,
                                .max_bytes = options.max_archive_bytes};
  download(request, part);
  std::string got = sha256_of_file(part);
  if (got != expected && resumed) {
    fs::remove(part);
    download(request, part);
    got = sha256_of_file(part);
  }
  if (got == expected) return;
  const auto bytes = fs::file_size(part);
  fs::remove(part);
  fail("{}: the download has SHA-256 {} ({} bytes), but {} was expected, so it was not unpacked", request.url, got,
       bytes, expected);
}

void check_present(const CifarFormat& format, const fs::path& present) {
  try {
    read_cifar(format, present);
  } catch (const Error& error) {
    fail("{} already exists but is damaged; move it away and fetch again. {}", present.string(), error.what());
  }
}

void check_unpacked(const CifarFormat& format, const fs::path& unpacked) {
  try {
    read_cifar(format, unpacked);
  } catch (const Error& error) {
    fail("the archive has the expected checksum but does not hold {}. {}", format.title, error.what());
  }
}

}  // namespace

FetchResult fetch_archive(const CifarFormat& format, const fs::path& folder, const FetchOptions& options) {
  create_folders(folder);
  // Two programs must not append to the same file. Locking the folder itself leaves no lock file behind.
  const FileHandle lock(open_or_fail(folder, O_RDONLY | O_DIRECTORY, "open"));
  check(try_lock(lock.get()), "{} is locked: another fetch into it is under way", folder.string());
  const fs::path target = folder / format.folder;
  if (fs::exists(target)) {
    check_present(format, target);
    return {.folder = target, .downloaded = false};
  }
  const fs::path part = folder / fmt::format(".{}.part", format.folder);
  get_archive(format, options, part);
  StagingFolder staging(folder / fmt::format(".{}.unpacking", format.folder));
  unpack_archive(
      {.archive = part, .top = format.folder, .target = staging.path(), .max_bytes = options.max_unpacked_bytes});
  check_unpacked(format, staging.path());
  staging.move_to(target);
  fs::remove(part);
  return {.folder = target, .downloaded = true};
}

FetchResult fetch_data_set(const std::string& name, const fs::path& folder, const FetchOptions& options) {
  if (const IdxFormat* idx = idx_format(name)) {
    fail_usage("this command does not fetch {}. {}", idx->title, idx->source);
  }
  const CifarFormat& format = cifar_format(name);
  const fs::path root = folder.empty() ? user_data_folder() : folder;
  if (root.empty())
    fail_usage("there is no folder to put {} into, since HOME is not set: name one with --out", format.title);
  return fetch_archive(format, root, options);
}

}  // namespace thalweg
