// Checksums: SHA-256 for provenance and downloads (OpenSSL), CRC-32 for records and snapshot rows (zlib).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;
namespace at {
class Tensor;
}

namespace thalweg {

std::uint32_t crc32_of(const void* data, std::size_t bytes, std::uint32_t seed = 0);

// Of what comes in pieces. Throws Error where OpenSSL does not do it.
class Sha256 {
 public:
  Sha256();
  void update(const void* data, std::size_t bytes);
  // Lower-case hexadecimal, 64 characters. Ends it: nothing may be added.
  std::string hex();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

// The same in one go.
std::string sha256_of(std::string_view bytes);
// Of tensors on the CPU: of the digests of their bytes, row-major.
std::string sha256_of_tensors(std::initializer_list<at::Tensor> tensors);
// Throws Error if the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace thalweg
