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

// Incremental SHA-256. All members throw Error if OpenSSL fails.
class Sha256 {
 public:
  Sha256();
  void update(const void* data, std::size_t bytes);
  // Returns the digest as 64 lower-case hexadecimal characters. Finishes the computation: nothing may be added
  // afterwards.
  std::string hex();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

// One-shot SHA-256 of `bytes`.
std::string sha256_of(std::string_view bytes);
// SHA-256 over the concatenated hexadecimal digests of the tensors' bytes (row-major). The tensors must be on the CPU.
std::string sha256_of_tensors(std::initializer_list<at::Tensor> tensors);
// Throws Error if the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace thalweg
