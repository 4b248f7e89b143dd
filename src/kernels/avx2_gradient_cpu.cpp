// The weight gradient with AVX2, float32, for so few weights that they stay in the cache: x and dy are read in place.
// Each part of the images is summed by one thread, image by image, and the parts are added in order.
#include <algorithm>
#include <array>

#include <ATen/Parallel.h>

#include "kernels/weight_gradient_parts.h"

namespace thalweg {

#ifdef THALWEG_AVX512
namespace {

constexpr std::int64_t kPartImages = 8, kMaxParts = 64;  // at least 8 images, so that parts cost little to add
constexpr std::int64_t kChannels = 16;                   // channels of x per tile: two registers
constexpr int kFilters = 6;                              // per tile, at most: 12 of the 16 registers hold sums
constexpr std::int64_t kBytesOfRows = 24 << 10;          // rows of x and dy that stay in L1 while all tiles read them
constexpr std::int64_t kWeightsOfATask = 1 << 12;        // per task that adds the parts

std::int64_t part_images(const ConvSizes& conv) {
  return std::max(kPartImages, (conv.num_images + kMaxParts - 1) / kMaxParts);
}

std::int64_t num_parts(const ConvSizes& conv) {
  return (conv.num_images + part_images(conv) - 1) / part_images(conv);
}

std::int64_t num_weights(const ConvSizes& conv) {
  return conv.filters * conv.taps() * conv.channels;
}

// The weights of some filters, for one tap and kChannels channels.
struct Tile {
  const float *dy, *x;         // at the first pixel that the tap touches
  std::int64_t rows, columns;  // of dy
  float* dw;
};

template <int kNumFilters>
THALWEG_AVX2 void add_tile(const ConvSizes& conv, const Tile& tile) {
  const std::int64_t row_of_dw = conv.taps() * conv.channels;
  __m256 sums[kNumFilters][2];
#pragma GCC unroll 8
  for (int k = 0; k < kNumFilters; ++k) {
    for (int j = 0; j < 2; ++j) sums[k][j] = _mm256_loadu_ps(tile.dw + k * row_of_dw + j * 8);
  }
  for (std::int64_t p = 0; p < tile.rows; ++p) {
    const float* dy = tile.dy + p * conv.out_width * conv.filters;
    const float* x = tile.x + p * conv.stride * conv.width * conv.channels;
    for (std::int64_t q = 0; q < tile.columns; ++q, dy += conv.filters, x += conv.stride * conv.channels) {
      const __m256 x0 = _mm256_loadu_ps(x), x1 = _mm256_loadu_ps(x + 8);
#pragma GCC unroll 8
      for (int k = 0; k < kNumFilters; ++k) {
        const __m256 value = _mm256_broadcast_ss(dy + k);
        sums[k][0] = _mm256_fmadd_ps(value, x0, sums[k][0]);
        sums[k][1] = _mm256_fmadd_ps(value, x1, sums[k][1]);
      }
    }
  }
#pragma GCC unroll 8
  for (int k = 0; k < kNumFilters; ++k) {
    for (int j = 0; j < 2; ++j) _mm256_storeu_ps(tile.dw + k * row_of_dw + j * 8, sums[k][j]);
  }
}

constexpr std::array kAddTile{add_tile<1>, add_tile<2>, add_tile<3>, add_tile<4>, add_tile<5>, add_tile<6>};

// Adds the contribution of an image's rows `rows` of dy to all tiles of one tap.
void add_tap(const ConvSizes& conv, std::int64_t tap, const TapRange& rows, const float* x, const float* dy,
             float* dw) {
  const std::int64_t r = tap / conv.kernel, s = tap % conv.kernel;
  const TapRange all = inside(conv, r, conv.height, conv.out_height),
                 columns = inside(conv, s, conv.width, conv.out_width);
  const std::int64_t first = std::max(rows.begin, all.begin), end = std::min(rows.end, all.end);
  if (first >= end || columns.begin >= columns.end) return;
  const std::int64_t x_row = first * conv.stride + r - conv.padding,
                     x_column = columns.begin * conv.stride + s - conv.padding;
  x += (x_row * conv.width + x_column) * conv.channels;
  dy += (first * conv.out_width + columns.begin) * conv.filters;
  const std::int64_t tiles = (conv.filters + kFilters - 1) / kFilters;  // as even as possible
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t k = tile * conv.filters / tiles, filters = (tile + 1) * conv.filters / tiles - k;
    for (std::int64_t c = 0; c < conv.channels; c += kChannels)
      kAddTile[static_cast<std::size_t>(filters - 1)](conv, {dy + k, x + c, end - first, columns.end - columns.begin,
                                                             dw + (k * conv.taps() + tap) * conv.channels + c});
  }
}

void add_image(const WeightGradientArgs& args, std::int64_t n, float* dw) {
  const ConvSizes& conv = args.conv;
  const float* x = static_cast<const float*>(args.x) + n * conv.pixels() * conv.channels;
  const float* dy = static_cast<const float*>(args.dy) + n * conv.out_pixels() * conv.filters;
  const std::int64_t values_a_row = conv.stride * conv.width * conv.channels + conv.out_width * conv.filters;
  const std::int64_t rows = std::max<std::int64_t>(kBytesOfRows / 4 / values_a_row, 1);
  for (std::int64_t row = 0; row < conv.out_height; row += rows) {
    for (std::int64_t tap = 0; tap < conv.taps(); ++tap) add_tap(conv, tap, {row, row + rows}, x, dy, dw);
  }
}

}  // namespace

std::int64_t avx2_gradient_work(const WeightGradientArgs& args) {
  return (num_parts(args.conv) - 1) * num_weights(args.conv);
}

void avx2_gradient_cpu(const WeightGradientArgs& args) {
  const std::int64_t images = args.conv.num_images, of_part = part_images(args.conv), parts = num_parts(args.conv);
  const std::int64_t weights = num_weights(args.conv);
  float* const work = reinterpret_cast<float*>(args.work);
  at::parallel_for(0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      float* dw = part == 0 ? args.dw : work + (part - 1) * weights;
      std::fill_n(dw, weights, 0.0f);
      for (std::int64_t n = part * of_part; n < std::min((part + 1) * of_part, images); ++n) add_image(args, n, dw);
    }
  });
  at::parallel_for(0, weights, kWeightsOfATask, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = 1; part < parts; ++part) {
      for (std::int64_t i = begin; i < end; ++i) args.dw[i] += work[(part - 1) * weights + i];
    }
  });
}
#else
std::int64_t avx2_gradient_work(const WeightGradientArgs&) {
  return 0;
}
#endif

}  // namespace thalweg
