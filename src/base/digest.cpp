#include "base/digest.h"

#include <cerrno>
#include <fstream>
#include <system_error>
#include <vector>

#include <openssl/evp.h>
#include <zlib.h>

#include <ATen/core/Tensor.h>

#include "base/error.h"

namespace thalweg {

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  check(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1, "OpenSSL offers no SHA-256");
}

void Sha256::update(const void* data, std::size_t bytes) {
  check(EVP_DigestUpdate(context_.get(), data, bytes) == 1, "SHA-256 failed");
}

std::string Sha256::hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  check(EVP_DigestFinal_ex(context_.get(), digest, &size) == 1, "SHA-256 failed");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::uint32_t crc32_of(const void* data, std::size_t bytes, std::uint32_t seed) {
  // zlib treats a null pointer as a request for the initial value and ignores the seed.
  if (bytes == 0) return seed;
  return static_cast<std::uint32_t>(crc32_z(seed, static_cast<const Bytef*>(data), bytes));
}

std::string sha256_of(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes.data(), bytes.size());
  return digest.hex();
}

std::string sha256_of_tensors(std::initializer_list<at::Tensor> tensors) {
  std::string digests;
  for (const at::Tensor& tensor : tensors) {
    const at::Tensor bytes = tensor.contiguous();
    digests += sha256_of({static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes()});
  }
  return sha256_of(digests);
}

std::string sha256_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  check(file.is_open(), "cannot open {}: {}", path.string(), std::generic_category().message(errno));
  Sha256 digest;
  std::vector<char> buffer(std::size_t{1} << 20);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    digest.update(buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  // A folder can be opened but not read: that must not pass for an empty file.
  check(!file.bad() && file.eof(), "cannot read {}", path.string());
  return digest.hex();
}

}  // namespace thalweg
