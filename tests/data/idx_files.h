// Small sets of IDX files, for tests: right in layout, with made-up bytes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/idx.h"

namespace thalweg {

// The official format of Fashion-MNIST with another number of images, whose first labels are those of write_small_set.
IdxFormat small_idx_format(std::int64_t train, std::int64_t test);

// Header and values of an array of unsigned bytes.
std::string idx_bytes(const std::vector<std::uint32_t>& shape, const std::string& values);

// `count` images of 28 x 28 of which number i has the pixels (seed + i + 3 p) mod 256 at place p; and `count` labels
// (seed + i) mod 10.
std::string idx_images(std::uint32_t count, int seed);
std::string idx_labels(std::uint32_t count, int seed);

// All four files; the training split has the seed 0, the test split 100.
void write_small_set(const IdxFormat& format, const std::filesystem::path& folder);

void write_gzip(const std::filesystem::path& file, const std::string& bytes);

}  // namespace thalweg
