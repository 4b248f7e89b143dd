#include "data/idx_files.h"

#include <stdexcept>

#include <zlib.h>

#include "data/cifar_files.h"

namespace thalweg {

namespace fs = std::filesystem;

IdxFormat small_idx_format(std::int64_t train, std::int64_t test) {
  IdxFormat format = *idx_format("fashion_mnist");
  format.train_images = train;
  format.test_images = test;
  format.first_labels = {0, 1, 2};
  return format;
}

std::string idx_bytes(const std::vector<std::uint32_t>& shape, const std::string& values) {
  std::string bytes = {0, 0, 8, static_cast<char>(shape.size())};
  for (const std::uint32_t size : shape) {
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(size >> shift & 255));
  }
  return bytes + values;
}

std::string idx_images(std::uint32_t count, int seed) {
  std::string pixels;
  for (std::uint32_t i = 0; i < count; ++i) {
    for (int p = 0; p < 28 * 28; ++p) pixels.push_back(static_cast<char>((seed + static_cast<int>(i) + 3 * p) % 256));
  }
  return idx_bytes({count, 28, 28}, pixels);
}

std::string idx_labels(std::uint32_t count, int seed) {
  std::string labels;
  for (std::uint32_t i = 0; i < count; ++i) labels.push_back(static_cast<char>((seed + static_cast<int>(i)) % 10));
  return idx_bytes({count}, labels);
}

void write_small_set(const IdxFormat& format, const fs::path& folder) {
  const auto train = static_cast<std::uint32_t>(format.train_images);
  const auto test = static_cast<std::uint32_t>(format.test_images);
  write_bytes(folder / "train-images-idx3-ubyte", idx_images(train, 0));
  write_bytes(folder / "train-labels-idx1-ubyte", idx_labels(train, 0));
  write_bytes(folder / "t10k-images-idx3-ubyte", idx_images(test, 100));
  write_bytes(folder / "t10k-labels-idx1-ubyte", idx_labels(test, 100));
}

void write_gzip(const fs::path& file, const std::string& bytes) {
  gzFile out = gzopen(file.c_str(), "wb");
  const bool written = out != nullptr && gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size())) > 0;
  if (!written || gzclose(out) != Z_OK) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace thalweg
