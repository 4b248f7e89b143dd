// Checksums: SHA-256 for provenance and downloads (OpenSSL), CRC-32 for records and snapshot rows (zlib).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace thalweg {

std::uint32_t crc32_of(const void* data, std::size_t bytes, std::uint32_t seed = 0);

// Lower-case hexadecimal, 64 characters.
std::string sha256_of(std::string_view bytes);
// Throws Error if the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace thalweg
