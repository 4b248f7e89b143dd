// Files that are whole or absent: written beside their name, synced, renamed. A full disk or a kill leaves the old
// file.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace thalweg {

// Usage: AtomicFile f(path); f.write(...); f.commit(). Without commit (an exception) the temporary is removed and the
// old file, if any, is untouched. Creates missing parent folders. Errors name the path and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  // For libraries that write by file name (HDF5): write to this path, then commit().
  const std::filesystem::path& temporary_path() const { return temporary_; }
  // Syncs file and folder, renames. Once.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;  // same folder: rename must not cross file systems
  int fd_ = -1;
  bool committed_ = false;
};

// Removes what AtomicFiles of killed processes left in a folder that no other process writes to.
void remove_temporaries(const std::filesystem::path& folder);
// Those of one file alone.
void remove_temporaries_of(const std::filesystem::path& file);
// Throws what an AtomicFile at `path` would throw on being made, to be had before anything is computed; creates missing
// parent folders.
void check_can_write(const std::filesystem::path& path);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);
// Whole file as a string; throws Error naming the path.
std::string read_file(const std::filesystem::path& path);
bool file_begins_with(const std::filesystem::path& path, std::string_view text);

}  // namespace thalweg
