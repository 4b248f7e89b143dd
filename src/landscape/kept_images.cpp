#include "landscape/kept_images.h"

#include <cstring>
#include <numeric>

#include "base/error.h"

namespace thalweg {

std::string to_bytes(const std::vector<ImageLosses>& splits) {
  std::string bytes;
  for (const ImageLosses& split : splits) {
    const std::vector<float> losses(split.losses.begin(), split.losses.end());
    bytes.append(reinterpret_cast<const char*>(losses.data()), losses.size() * sizeof(float));
    for (const std::int32_t correct : split.correct) bytes.push_back(static_cast<char>(correct));
  }
  return bytes;
}

std::vector<KeptImages> from_bytes(const std::string& bytes, const std::vector<std::int64_t>& sizes) {
  const auto images = static_cast<std::size_t>(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}));
  check(bytes.size() == images * (sizeof(float) + 1), "the journal keeps {} bytes of single images, expected {}",
        bytes.size(), images * (sizeof(float) + 1));
  std::vector<KeptImages> splits;
  const char* at = bytes.data();
  for (const std::int64_t size : sizes) {
    const auto n = static_cast<std::size_t>(size);
    KeptImages kept{std::vector<float>(n), std::vector<std::uint8_t>(n)};
    std::memcpy(kept.losses.data(), at, n * sizeof(float));
    std::memcpy(kept.correct.data(), at + n * sizeof(float), n);
    at += n * (sizeof(float) + 1);
    splits.push_back(std::move(kept));
  }
  return splits;
}

}  // namespace thalweg
