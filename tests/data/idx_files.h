// Small sets of IDX files, for tests: correct in layout, with made-up contents.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/idx.h"

namespace thalweg {

// The format of Fashion-MNIST with `train` and `test` images, and the first labels that write_small_set writes.
IdxFormat small_idx_format(std::int64_t train, std::int64_t test);

// The bytes of an IDX file: header and values of an array of unsigned bytes.
std::string idx_bytes(const std::vector<std::uint32_t>& shape, const std::string& values);

// Files of `count` images (28 x 28; pixel p of image i is (seed + i + 3 p) mod 256) and `count` labels (label i is
// (seed + i) mod 10).
std::string idx_images(std::uint32_t count, int seed);
std::string idx_labels(std::uint32_t count, int seed);

// Writes all four files, with seed 0 for the training split and 100 for the test split.
void write_small_set(const IdxFormat& format, const std::filesystem::path& folder);

void write_gzip(const std::filesystem::path& file, const std::string& bytes);

}  // namespace thalweg
