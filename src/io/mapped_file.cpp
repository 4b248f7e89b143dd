#include "io/mapped_file.h"

#include <utility>

#include <fcntl.h>
#include <sys/mman.h>

#include "io/posix_file.h"

namespace thalweg {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const FileHandle file(open_or_fail(path, O_RDONLY, "open"));
  size_ = file_size_of(file.get(), path);
  if (size_ == 0) return;  // mmap refuses a length of zero
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) fail_with_errno("map", path);
  data_ = static_cast<std::byte*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

}  // namespace thalweg
