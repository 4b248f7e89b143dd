#include "data/cifar_files.h"

#include <fstream>
#include <stdexcept>

namespace thalweg {

namespace fs = std::filesystem;

CifarFormat small_format(const std::string& name, std::int64_t train, std::int64_t test) {
  CifarFormat format = cifar_format(name);
  format.train_records = train;
  format.test_records = test;
  return format;
}

std::string record(const std::vector<int>& labels, int seed) {
  std::string bytes;
  for (const int label : labels) bytes.push_back(static_cast<char>(label));
  for (int i = 0; i < 3072; ++i) bytes.push_back(static_cast<char>((seed + i) % 251));
  return bytes;
}

std::string records(const CifarFormat& format, std::int64_t count, int first_seed) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    std::vector<int> labels;
    for (const int limit : format.label_limits) labels.push_back(i % limit);
    bytes += record(labels, first_seed + i);
  }
  return bytes;
}

void write_small_set(const CifarFormat& format, const fs::path& folder) {
  int seed = 0;
  for (const auto& name : format.train_files) {
    write_bytes(folder / name, records(format, format.train_records, seed));
    seed += 100;
  }
  for (const auto& name : format.test_files) {
    write_bytes(folder / name, records(format, format.test_records, seed));
    seed += 100;
  }
}

void write_bytes(const fs::path& file, const std::string& bytes) {
  fs::create_directories(file.parent_path());
  std::ofstream stream(file, std::ios::binary);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace thalweg
