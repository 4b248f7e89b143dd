// Direct convolution with AVX2, float32. Six pixels of the result that the same taps touch (in the middle of the image
// or at one of its edges) and sixteen output channels are summed in registers over all taps and input channels.
#include <algorithm>
#include <array>
#include <vector>

#include <ATen/Parallel.h>

#include "kernels/direct_conv_parts.h"

namespace thalweg {

#ifdef THALWEG_AVX512
namespace {

constexpr std::int64_t kPanel = kNarrowPanel;  // output channels per task
constexpr int kRows = 6;                       // pixels per tile: 12 of the 16 registers hold sums
constexpr std::int64_t kTaskPixels = 1024;     // per task: enough small images to fill tiles with edge pixels, too

// Positions along one axis of the result that the same taps touch.
struct Band {
  std::vector<std::int64_t> taps;
  std::vector<std::int64_t> to, from;  // by position; `from` is its input under the first tap
  std::int64_t step = 0;               // in the input, from tap to tap
};

// Returns the bands of an axis of `size` pixels in the image and `out_size` in the output.
std::vector<Band> bands_of(const DirectConvArgs& args, std::int64_t size, std::int64_t out_size) {
  const ConvSizes& conv = args.conv;
  const bool forward = args.pass == DirectConvPass::kForward;
  std::vector<Band> positions(static_cast<std::size_t>(forward ? out_size : size));
  for (std::int64_t t = 0; t < conv.kernel; ++t) {
    const TapRange range = inside(conv, t, size, out_size);
    for (std::int64_t output = range.begin; output < range.end; ++output) {
      const std::int64_t image = output * conv.stride + t - conv.padding, from = forward ? image : output;
      Band& position = positions[static_cast<std::size_t>(forward ? output : image)];
      if (position.taps.empty()) position.from = {from};
      if (position.taps.size() == 1) position.step = from - position.from[0];
      position.taps.push_back(t);
    }
  }
  std::vector<Band> bands;
  for (std::size_t to = 0; to < positions.size(); ++to) {
    auto band = std::ranges::find(bands, positions[to].taps, &Band::taps);
    const std::int64_t from = positions[to].taps.empty() ? 0 : positions[to].from[0];
    if (band == bands.end()) band = bands.insert(band, {positions[to].taps, {}, {}, positions[to].step});
    band->to.push_back(static_cast<std::int64_t>(to));
    band->from.push_back(from);
  }
  return bands;
}

// The pixels of one image in one band of rows and one band of columns. Offsets are counted in values.
struct PixelClass {
  struct Tap {
    std::int64_t weights;  // offset in a panel
    std::int64_t from;     // offset from the pixel's input under the first tap
  };
  std::vector<Tap> taps;
  std::vector<PixelPair> pixels;  // `from` is the input under the first tap
};

std::vector<PixelClass> classes_of(const DirectConvArgs& args, const ConvProduct& product) {
  const auto columns = bands_of(args, args.conv.width, args.conv.out_width);
  std::vector<PixelClass> classes;
  for (const Band& row : bands_of(args, args.conv.height, args.conv.out_height)) {
    for (const Band& column : columns) {
      PixelClass& pixel = classes.emplace_back();
      for (std::size_t r = 0; r < row.taps.size(); ++r) {
        for (std::size_t s = 0; s < column.taps.size(); ++s) {
          const std::int64_t from =
              static_cast<std::int64_t>(r) * row.step * product.from_width + static_cast<std::int64_t>(s) * column.step;
          const std::int64_t tap = row.taps[r] * args.conv.kernel + column.taps[s];
          pixel.taps.push_back({tap * product.inputs * kPanel, from * product.inputs});
        }
      }
      for (std::size_t p = 0; p < row.to.size(); ++p) {
        for (std::size_t q = 0; q < column.to.size(); ++q)
          pixel.pixels.push_back({(row.from[p] * product.from_width + column.from[q]) * product.inputs,
                                  (row.to[p] * product.to_width + column.to[q]) * product.outputs});
      }
    }
  }
  return classes;
}

struct Tile {
  const std::vector<PixelClass::Tap>& taps;
  const float* weights;  // of the panel
  std::int64_t inputs;
  const float* bias;                     // of the panel, or null
  std::array<const float*, kRows> from;  // inputs under the first tap
  std::array<std::int64_t, kRows> to;    // offsets of the panel's first channel
};

template <int kNumRows>
THALWEG_AVX2 void make_tile(const DirectConvArgs& args, const Tile& tile) {
  __m256 sums[kNumRows][2];
#pragma GCC unroll 8
  for (int i = 0; i < kNumRows; ++i) sums[i][0] = sums[i][1] = _mm256_setzero_ps();
  for (const PixelClass::Tap& tap : tile.taps) {
    const float* weights = tile.weights + tap.weights;
    const float* from[kNumRows];
#pragma GCC unroll 8
    for (int i = 0; i < kNumRows; ++i) from[i] = tile.from[i] + tap.from;
    for (std::int64_t c = 0; c < tile.inputs; ++c, weights += kPanel) {
      const __m256 low = _mm256_loadu_ps(weights), high = _mm256_loadu_ps(weights + 8);
#pragma GCC unroll 8
      for (int i = 0; i < kNumRows; ++i) {
        const __m256 x = _mm256_broadcast_ss(from[i] + c);
        sums[i][0] = _mm256_fmadd_ps(x, low, sums[i][0]);
        sums[i][1] = _mm256_fmadd_ps(x, high, sums[i][1]);
      }
    }
  }
  const float* other = static_cast<const float*>(args.other);
#pragma GCC unroll 8
  for (int i = 0; i < kNumRows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const std::int64_t at = tile.to[i] + j * 8;
      __m256 x = sums[i][j];
      if (tile.bias) x = _mm256_add_ps(x, _mm256_loadu_ps(tile.bias + j * 8));
      if (other) x = _mm256_add_ps(x, _mm256_loadu_ps(other + at));
      if (args.relu) x = _mm256_max_ps(_mm256_setzero_ps(), x);  // returns the second operand if either is NaN
      _mm256_storeu_ps(static_cast<float*>(args.to) + at, x);
    }
  }
}

constexpr std::array kMakeTile{make_tile<1>, make_tile<2>, make_tile<3>, make_tile<4>, make_tile<5>, make_tile<6>};

// Computes one panel of output channels of some images.
void run_task(const DirectConvArgs& args, const ConvProduct& product, const std::vector<PixelClass>& classes,
              std::int64_t panel, std::int64_t first_image, std::int64_t end_image) {
  const float* weights =
      reinterpret_cast<const float*>(args.weights) + panel * args.conv.taps() * product.inputs * kPanel;
  const float* bias = args.bias ? static_cast<const float*>(args.bias) + panel * kPanel : nullptr;
  for (const PixelClass& pixel : classes) {
    Tile tile{pixel.taps, weights, product.inputs, bias, {}, {}};
    std::size_t rows = 0;
    for (std::int64_t n = first_image; n < end_image; ++n) {
      const float* from = static_cast<const float*>(args.from) + n * product.from_pixels * product.inputs;
      const std::int64_t to = n * product.to_pixels * product.outputs + panel * kPanel;
      for (const PixelPair& pair : pixel.pixels) {
        tile.from[rows] = from + pair.from;
        tile.to[rows] = to + pair.to;
        if (++rows < kRows) continue;
        make_tile<kRows>(args, tile);
        rows = 0;
      }
    }
    if (rows > 0) kMakeTile[rows - 1](args, tile);
  }
}

}  // namespace

void avx2_conv_cpu(const DirectConvArgs& args) {
  const ConvProduct product(args);
  const auto classes = classes_of(args, product);
  const std::int64_t images = std::max<std::int64_t>(kTaskPixels / std::max(product.from_pixels, product.to_pixels), 1);
  const std::int64_t groups = (args.conv.num_images + images - 1) / images, panels = product.outputs / kPanel;
  // The panels of a group are adjacent tasks, so that its images are already in the cache.
  at::parallel_for(0, groups * panels, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t first = t / panels * images;
      run_task(args, product, classes, t % panels, first, std::min(first + images, args.conv.num_images));
    }
  });
}

#endif

}  // namespace thalweg
