// Small sets in the CIFAR formats, for tests: correct in layout, with made-up contents.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/cifar.h"

namespace thalweg {

// The official format, but with `train` and `test` records per file.
CifarFormat small_format(const std::string& name, std::int64_t train, std::int64_t test);

// One record: the labels, then 3,072 pixels; pixel i is (seed + i) mod 251.
std::string record(const std::vector<int>& labels, int seed);

// `count` records. The last label cycles through the classes (0, 1, 2, ...), and the seeds count up from `first_seed`.
std::string records(const CifarFormat& format, std::int64_t count, int first_seed = 0);

// Writes every file of the set; the seeds of file f start at 100 * f.
void write_small_set(const CifarFormat& format, const std::filesystem::path& folder);

void write_bytes(const std::filesystem::path& file, const std::string& bytes);

}  // namespace thalweg
