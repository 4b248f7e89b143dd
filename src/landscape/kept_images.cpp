#include "landscape/kept_images.h"

#include <cstring>
#include <numeric>

#include "base/error.h"
#include "landscape/grid.h"

namespace thalweg {
namespace {

constexpr std::size_t kBytes = 2 * sizeof(float) + 1;  // per image
// The most losses per surface. Each takes kBytes in the journal and in memory while the map is made, and some 20 bytes
// more at the end.
constexpr std::int64_t kMostLosses = std::int64_t{1} << 26;

}  // namespace

std::string to_bytes(const std::vector<ImageLosses>& splits) {
  std::string bytes;
  for (const ImageLosses& split : splits) {
    const std::vector<float> losses(split.losses.begin(), split.losses.end());
    for (const std::vector<float>* floats : {&losses, &split.margins})
      bytes.append(reinterpret_cast<const char*>(floats->data()), floats->size() * sizeof(float));
    for (const std::int32_t correct : split.correct) bytes.push_back(static_cast<char>(correct));
  }
  return bytes;
}

std::vector<KeptImages> from_bytes(const std::string& bytes, const std::vector<std::int64_t>& sizes) {
  const auto images = static_cast<std::size_t>(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}));
  check(bytes.size() == images * kBytes, "a record of the journal has {} bytes of single images, expected {}",
        bytes.size(), images * kBytes);
  std::vector<KeptImages> splits;
  const char* at = bytes.data();
  for (const std::int64_t size : sizes) {
    const auto n = static_cast<std::size_t>(size);
    KeptImages kept{std::vector<float>(n), std::vector<float>(n), std::vector<std::uint8_t>(n)};
    const auto take = [&](void* to, std::size_t count) {
      std::memcpy(to, at, count);
      at += count;
    };
    take(kept.losses.data(), n * sizeof(float));
    take(kept.margins.data(), n * sizeof(float));
    take(kept.correct.data(), n);
    splits.push_back(std::move(kept));
  }
  return splits;
}

void check_image_losses(const LandscapeConfig& config, std::int64_t images_per_point) {
  const auto [nx, ny] = parse_grid_size(config.grid);
  const std::int64_t points = std::int64_t{nx} * ny;
  if (config.image_losses && points * images_per_point > kMostLosses)
    fail_usage(
        "landscape.image_losses: {} points with {} images each have {} losses, but a surface holds at most {}: use a "
        "smaller grid, fewer images or one split",
        points, images_per_point, points * images_per_point, kMostLosses);
}

}  // namespace thalweg
