// The weight gradient with AMX tiles (kernels/amx.h). Images are processed in groups of 32, whose values at a pixel are
// a row of one factor and sixteen pairs of the other:
//
//   dy  [K / 32][pixel][group][32 filters][32 images]
//   x   [C / 32][pixel][group][2][16 pairs of images][16 channels]
//
// A chunk is several groups or, for large images, some rows of one group: as much as keeps a panel of x and one of dy
// in the L2 cache.
#include <algorithm>

#include <ATen/Parallel.h>

#include "kernels/amx.h"
#include "kernels/transpose16.h"
#include "kernels/weight_gradient_parts.h"

namespace thalweg {

#ifdef THALWEG_AVX512
namespace {

constexpr std::int64_t kImages = 32;                          // per group
constexpr std::int64_t kChannels = 32;                        // per panel
constexpr std::int64_t kStepWords = kImages * kChannels / 2;  // per panel, at one pixel of a group
constexpr std::int64_t kPanelSteps = 128;                     // per chunk at most: 256 kB
constexpr std::int64_t kPackedAtATime = 16;

// Returns the rows of the image that the rows `rows` of the output touch.
TapRange image_rows(const ConvSizes& conv, TapRange rows) {
  return {std::max<std::int64_t>(0, rows.begin * conv.stride - conv.padding),
          std::min(conv.height, (rows.end - 1) * conv.stride - conv.padding + conv.kernel)};
}

std::int64_t num_groups(const ConvSizes& conv) {
  return (conv.num_images + kImages - 1) / kImages;
}
std::int64_t rows_of_chunk(const ConvSizes& conv) {
  return std::clamp<std::int64_t>(kPanelSteps / conv.out_width, 1, conv.out_height);
}
std::int64_t groups_of_chunk(const ConvSizes& conv) {
  return std::clamp<std::int64_t>(kPanelSteps / conv.out_pixels(), 1, num_groups(conv));
}

struct Chunk {
  std::int64_t first_group, groups;
  TapRange rows;        // of the output
  TapRange image_rows;  // rows of the image that they touch
};

// An activation [N, pixels, channels], and the destination of a chunk of it.
struct Source {
  const BFloat16* from;
  std::int64_t pixels, channels;
  std::int64_t first_pixel, chunk_pixels;
  ConvWord* to;
};

// Interleaves the bfloat16s of two images into sixteen words.
THALWEG_AMX THALWEG_INLINE __m512i paired(__m256i first, __m256i second) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(first), _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16));
}

// Writes [16 pairs][16 channels] twice: the channels of a panel at one pixel. Images from `num_images` on are zeros.
THALWEG_AMX THALWEG_INLINE void interleave(const BFloat16* from, std::int64_t image, std::int64_t num_images,
                                           ConvWord* to) {
  for (std::int64_t n = 0; n < kImages; n += 2, to += 16) {
    const __m512i zeros = _mm512_setzero_si512();
    const __m512i first = n < num_images ? _mm512_loadu_si512(from + n * image) : zeros;
    const __m512i second = n + 1 < num_images ? _mm512_loadu_si512(from + (n + 1) * image) : zeros;
    _mm512_storeu_si512(to, paired(_mm512_castsi512_si256(first), _mm512_castsi512_si256(second)));
    _mm512_storeu_si512(to + 256, paired(_mm512_extracti64x4_epi64(first, 1), _mm512_extracti64x4_epi64(second, 1)));
  }
}

// Writes the panels of the pixels from begin to end; if kTransposed, as rows of images, not pairs.
template <bool kTransposed>
THALWEG_AMX void lay_out(const Source& source, const Chunk& chunk, std::int64_t num_images, std::int64_t begin,
                         std::int64_t end) {
  const std::int64_t image = source.pixels * source.channels;
  for (std::int64_t index = begin; index < end; ++index) {
    const std::int64_t pixel = index % source.chunk_pixels, group = index / source.chunk_pixels;
    const std::int64_t first = (chunk.first_group + group) * kImages;
    const BFloat16* from = source.from + first * image + (source.first_pixel + pixel) * source.channels;
    for (std::int64_t panel = 0; panel < source.channels / kChannels; ++panel, from += kChannels) {
      ConvWord* to = source.to + ((panel * source.chunk_pixels + pixel) * chunk.groups + group) * kStepWords;
      if constexpr (kTransposed) {
        alignas(64) ConvWord pairs[kStepWords];
        interleave(from, image, num_images - first, pairs);
        transpose16(pairs, 16, to, 16);
        transpose16(pairs + 256, 16, to + 256, 16);
      } else {
        interleave(from, image, num_images - first, to);
      }
    }
  }
}

// Adds a chunk's contribution to 32 x 32 weights of a tap; `dy` and `x` are their panels.
THALWEG_AMX void add_weights(const ConvSizes& conv, const Chunk& chunk, const ConvWord* dy, const ConvWord* x,
                             std::int64_t tap, bool first, float* dw) {
  const std::int64_t r = tap / conv.kernel, s = tap % conv.kernel, row_of_dw = conv.taps() * conv.channels;
  const TapRange all = inside(conv, r, conv.height, conv.out_height),
                 columns = inside(conv, s, conv.width, conv.out_width);
  const TapRange rows{std::max(all.begin, chunk.rows.begin), std::min(all.end, chunk.rows.end)};
  first ? clear_sums() : load_sums(dw, row_of_dw);
  // With stride 1, a row's pixels are contiguous in both panels.
  const std::int64_t run = conv.stride == 1 ? columns.end - columns.begin : 1;
  for (std::int64_t p = rows.begin; p < rows.end; ++p) {
    const std::int64_t dy_row = (p - chunk.rows.begin) * conv.out_width,
                       x_row = (p * conv.stride + r - conv.padding - chunk.image_rows.begin) * conv.width;
    for (std::int64_t q = columns.begin; q < columns.end; q += run) {
      const ConvWord* a = dy + (dy_row + q) * chunk.groups * kStepWords;
      const ConvWord* b = x + (x_row + q * conv.stride + s - conv.padding) * chunk.groups * kStepWords;
      add_tile_products(reinterpret_cast<const BFloat16*>(a), b, run * chunk.groups);
    }
  }
  store_sums(dw, row_of_dw);
}

void add_chunk(const WeightGradientArgs& args, const Chunk& chunk, bool first) {
  const ConvSizes& conv = args.conv;
  const std::int64_t width = conv.width, out_width = conv.out_width;
  const Source x{static_cast<const BFloat16*>(args.x),
                 conv.pixels(),
                 conv.channels,
                 chunk.image_rows.begin * width,
                 (chunk.image_rows.end - chunk.image_rows.begin) * width,
                 args.work};
  const Source dy{static_cast<const BFloat16*>(args.dy),
                  conv.out_pixels(),
                  conv.filters,
                  chunk.rows.begin * out_width,
                  (chunk.rows.end - chunk.rows.begin) * out_width,
                  x.to + x.channels / kChannels * x.chunk_pixels * chunk.groups * kStepWords};
  at::parallel_for(0, chunk.groups * x.chunk_pixels, kPackedAtATime, [&](std::int64_t begin, std::int64_t end) {
    lay_out<false>(x, chunk, conv.num_images, begin, end);
  });
  at::parallel_for(0, chunk.groups * dy.chunk_pixels, kPackedAtATime, [&](std::int64_t begin, std::int64_t end) {
    lay_out<true>(dy, chunk, conv.num_images, begin, end);
  });
  const std::int64_t panels_dy = conv.filters / kChannels, panels_x = conv.channels / kChannels, taps = conv.taps();
  at::parallel_for(0, panels_x * panels_dy * taps, 1, [&](std::int64_t begin, std::int64_t end) {
    finish_writing_for_tiles(args.work);
    const WholeTiles tiles;
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t tap = t % taps, k = t / taps % panels_dy, c = t / taps / panels_dy;
      add_weights(conv, chunk, dy.to + k * dy.chunk_pixels * chunk.groups * kStepWords,
                  x.to + c * x.chunk_pixels * chunk.groups * kStepWords, tap, first,
                  args.dw + (k * kChannels * taps + tap) * conv.channels + c * kChannels);
    }
  });
}

}  // namespace

std::int64_t tile_gradient_work(const WeightGradientArgs& args) {
  const ConvSizes& conv = args.conv;
  const std::int64_t rows = rows_of_chunk(conv);
  const std::int64_t image_rows = std::min(conv.height, (rows - 1) * conv.stride + conv.kernel);
  return groups_of_chunk(conv) * kImages / 2 *
         (image_rows * conv.width * conv.channels + rows * conv.out_width * conv.filters);
}

void tile_gradient_cpu(const WeightGradientArgs& args) {
  const ConvSizes& conv = args.conv;
  const std::int64_t groups = groups_of_chunk(conv), rows = rows_of_chunk(conv);
  for (std::int64_t group = 0; group < num_groups(conv); group += groups) {
    for (std::int64_t row = 0; row < conv.out_height; row += rows) {
      const TapRange of_chunk{row, std::min(row + rows, conv.out_height)};
      add_chunk(args, {group, std::min(groups, num_groups(conv) - group), of_chunk, image_rows(conv, of_chunk)},
                group == 0 && row == 0);
    }
  }
}
#else
std::int64_t tile_gradient_work(const WeightGradientArgs&) {
  return 0;
}
#endif

}  // namespace thalweg
