// Files that are either complete or absent: written under a temporary name, synced and renamed. A full disk or a killed
// process leaves the old file in place.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace thalweg {

// Usage: AtomicFile f(path); f.write(...); f.commit(). Without commit (after an exception) the temporary file is
// removed and the old file, if any, is untouched. Creates missing parent folders. Errors name the path and the system's
// reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  // For libraries that write by file name (HDF5): write to this path, then call commit().
  const std::filesystem::path& temporary_path() const { return temporary_; }
  // Syncs the file, renames it and syncs its folder. May be called once.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;  // same folder: rename must not cross file systems
  int fd_ = -1;
  bool committed_ = false;
};

// Removes the temporary files of killed processes from a folder that no other process writes to.
void remove_temporaries(const std::filesystem::path& folder);
// Removes only those of one file.
void remove_temporaries_of(const std::filesystem::path& file);
// Throws the Error that constructing an AtomicFile at `path` would throw, so that it can be reported before anything is
// computed. Creates missing parent folders.
void check_can_write(const std::filesystem::path& path);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);
// Returns the whole file; throws Error naming the path.
std::string read_file(const std::filesystem::path& path);
bool file_begins_with(const std::filesystem::path& path, std::string_view text);

}  // namespace thalweg
