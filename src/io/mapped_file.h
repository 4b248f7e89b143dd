// A file mapped read-only into memory until the object is destroyed.
#pragma once

#include <cstddef>
#include <filesystem>

namespace thalweg {

class MappedFile {
 public:
  // Throws Error if the file cannot be opened or mapped. An empty file maps to (nullptr, 0).
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace thalweg
