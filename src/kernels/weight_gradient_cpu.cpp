#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>

#include "kernels/weight_gradient_parts.h"

namespace thalweg {
namespace {

// Words per channel of a panel in a chunk: a panel of x then takes 128 kB and stays in the L2 cache.
constexpr std::int64_t kChunkWords = 1024;

// The most weights per tap that count as few. 3 x 3 kernels with AVX2, as in avx2_gradient_cpu.cpp and in panels: 2.1
// and 2.5 ms for 32 to 64 channels with stride 2 from 16 x 16, 3.8 and 3.4 ms for 64 at 8 x 8.
constexpr std::int64_t kFewWeights = 32 * 64;

// Channels per panel.
struct PanelSizes {
  int x, dy;
};
constexpr PanelSizes kByTiles{32, 32}, kByAvx512{32, 8};
// AVX2 has half as many registers, of half the width. Six channels of dy, not four, keep the multipliers busy; the last
// panel may be partial.
constexpr PanelSizes kByAvx2{16, 6};

PanelSizes panel_sizes(WordProducts products) {
  return products == WordProducts::kTiles ? kByTiles : products == WordProducts::kAvx2 ? kByAvx2 : kByAvx512;
}

std::int64_t num_panels(std::int64_t channels, std::int64_t panel) {
  return (channels + panel - 1) / panel;
}

// Whether avx2_gradient_cpu.cpp computes the gradient.
bool are_few_weights(const ConvSizes& conv, WordProducts products) {
  return products == WordProducts::kAvx2 && conv.channels < 64 && conv.channels * conv.filters <= kFewWeights;
}

// The number of groups of images: a word holds a float32, or the bfloat16s of two images.
std::int64_t num_groups(const WeightGradientArgs& args) {
  return (args.conv.num_images + values_a_word(args.type) - 1) / values_a_word(args.type);
}

// The number of groups, of one or two images each, in a chunk.
std::int64_t chunk_groups(const WeightGradientArgs& args) {
  const std::int64_t pixels = args.conv.out_pixels();
  return std::clamp<std::int64_t>(kChunkWords / pixels, 1, num_groups(args));
}

// An activation [N, pixels, channels], and the destination of some of its groups, laid out as
// [channels / panel][pixels][groups][panel], with zeros after the last channel.
struct Panels {
  const void* from;
  std::int64_t pixels, channels, panel;
  ConvWord* to;
};

template <typename T>
THALWEG_INLINE void pack_pixel(const WeightGradientArgs& args, const Panels& panels, std::int64_t first_group,
                               std::int64_t groups, std::int64_t index) {
  const std::int64_t pixel = index % panels.pixels, group = index / panels.pixels;
  const std::int64_t image = (first_group + group) * values_a_word(args.type), stride = panels.pixels * panels.channels;
  const T* from = static_cast<const T*>(panels.from) + image * stride + pixel * panels.channels;
  for (std::int64_t c = 0; c < panels.channels; c += panels.panel) {
    ConvWord* __restrict to = panels.to + ((c / panels.panel * panels.pixels + pixel) * groups + group) * panels.panel;
    const T* __restrict first = from + c;
    if constexpr (sizeof(T) == 4) {
      const std::int64_t count = std::min(panels.panel, panels.channels - c);
      for (std::int64_t i = 0; i < count; ++i) to[i] = bits_as<ConvWord>(first[i]);
      for (std::int64_t i = count; i < panels.panel; ++i) to[i] = 0;
    } else if (image + 1 < args.conv.num_images) {
      const T* __restrict second = first + stride;
      for (std::int64_t i = 0; i < panels.panel; ++i)
        to[i] = first[i].bits | static_cast<ConvWord>(second[i].bits) << 16;
    } else {
      for (std::int64_t i = 0; i < panels.panel; ++i) to[i] = first[i].bits;
    }
  }
}

THALWEG_SIMD void pack(const WeightGradientArgs& args, const Panels& panels, std::int64_t first_group,
                       std::int64_t groups, std::int64_t begin, std::int64_t end) {
  for (std::int64_t index = begin; index < end; ++index) {
    if (args.type == ActivationType::kFloat32) {
      pack_pixel<float>(args, panels, first_group, groups, index);
    } else {
      pack_pixel<BFloat16>(args, panels, first_group, groups, index);
    }
  }
}

// Words that are contiguous in the panels of dy and of x: those of one row of pixels with stride 1, else of one pixel.
struct Run {
  std::int64_t dy, x, words;  // dy, x: where they begin, in words of a channel
};

// Returns the runs that tap (r, s) touches, in a chunk of `groups` groups.
std::vector<Run> runs_of(const ConvSizes& conv, std::int64_t r, std::int64_t s, std::int64_t groups) {
  const TapRange rows = inside(conv, r, conv.height, conv.out_height),
                 columns = inside(conv, s, conv.width, conv.out_width);
  const std::int64_t length = conv.stride == 1 ? columns.end - columns.begin : 1;
  std::vector<Run> runs;
  for (std::int64_t p = rows.begin; p < rows.end; ++p) {
    const std::int64_t from = (p * conv.stride + r - conv.padding) * conv.width + s - conv.padding;
    for (std::int64_t q = columns.begin; q < columns.end; q += length)
      runs.push_back({(p * conv.out_width + q) * groups, (from + q * conv.stride) * groups, length * groups});
  }
  return runs;
}

// The weights of one tap, for a panel of dy and one of x.
struct Tile {
  const std::vector<Run>& runs;
  const ConvWord *dy, *x;
  bool first;         // start from zero, not from `dw`
  float* dw;          // at its first channels
  std::int64_t row;   // floats from one channel of dy to the next
  std::int64_t rows;  // channels of dy: a panel's, or the remaining ones
};

#ifdef THALWEG_AVX512
template <bool kBFloat16>
THALWEG_AVX512 void add_tile_avx512(const Tile& tile) {
  __m512 sums[kByAvx512.dy][2];
#pragma GCC unroll 8
  for (int k = 0; k < kByAvx512.dy; ++k) {
    for (int j = 0; j < 2; ++j)
      sums[k][j] = tile.first ? _mm512_setzero_ps() : _mm512_loadu_ps(tile.dw + k * tile.row + j * 16);
  }
  for (const Run& run : tile.runs) {
    const ConvWord *dy = tile.dy + run.dy * kByAvx512.dy, *x = tile.x + run.x * kByAvx512.x;
    for (std::int64_t i = 0; i < run.words; ++i, dy += kByAvx512.dy, x += kByAvx512.x) {
      const __m512i x0 = _mm512_loadu_si512(x), x1 = _mm512_loadu_si512(x + 16);
#pragma GCC unroll 8
      for (int k = 0; k < kByAvx512.dy; ++k) {
        const __m512i word = sixteen_times(dy[k]);
        sums[k][0] = multiply_add<kBFloat16>(sums[k][0], word, x0);
        sums[k][1] = multiply_add<kBFloat16>(sums[k][1], word, x1);
      }
    }
  }
#pragma GCC unroll 8
  for (int k = 0; k < kByAvx512.dy; ++k) {
    for (int j = 0; j < 2; ++j) _mm512_storeu_ps(tile.dw + k * tile.row + j * 16, sums[k][j]);
  }
}

THALWEG_AVX2 void add_tile_avx2(const Tile& tile) {
  __m256 sums[kByAvx2.dy][2];
#pragma GCC unroll 8
  for (int k = 0; k < kByAvx2.dy; ++k) {
    for (int j = 0; j < 2; ++j)
      sums[k][j] = tile.first || k >= tile.rows ? _mm256_setzero_ps() : _mm256_loadu_ps(tile.dw + k * tile.row + j * 8);
  }
  for (const Run& run : tile.runs) {
    const auto *dy = reinterpret_cast<const float*>(tile.dy + run.dy * kByAvx2.dy),
               *x = reinterpret_cast<const float*>(tile.x + run.x * kByAvx2.x);
    for (std::int64_t i = 0; i < run.words; ++i, dy += kByAvx2.dy, x += kByAvx2.x) {
      const __m256 x0 = _mm256_loadu_ps(x), x1 = _mm256_loadu_ps(x + 8);
#pragma GCC unroll 8
      for (int k = 0; k < kByAvx2.dy; ++k) {
        const __m256 word = _mm256_broadcast_ss(dy + k);
        sums[k][0] = _mm256_fmadd_ps(word, x0, sums[k][0]);
        sums[k][1] = _mm256_fmadd_ps(word, x1, sums[k][1]);
      }
    }
  }
#pragma GCC unroll 8
  for (int k = 0; k < kByAvx2.dy; ++k) {
    if (k >= tile.rows) break;
    for (int j = 0; j < 2; ++j) _mm256_storeu_ps(tile.dw + k * tile.row + j * 8, sums[k][j]);
  }
}

using AddTile = void (*)(const Tile&);

AddTile add_tile(ActivationType type, WordProducts products) {
  if (products == WordProducts::kAvx2) return add_tile_avx2;
  return type == ActivationType::kFloat32 ? add_tile_avx512<false> : add_tile_avx512<true>;
}
#endif

}  // namespace

bool weight_gradient_takes(const WeightGradientArgs& args) {
  return weight_gradient_takes(args, word_products(args.type));
}

bool weight_gradient_takes(const WeightGradientArgs& args, WordProducts products) {
  const bool by_avx2 = products == WordProducts::kAvx2;
  if (products == WordProducts::kNone || args.type == ActivationType::kFloat16) return false;
  if (by_avx2 && args.type != ActivationType::kFloat32) return false;
  const PanelSizes panel = panel_sizes(products);
  return args.conv.channels % panel.x == 0 && (by_avx2 || args.conv.filters % panel.dy == 0);
}

bool weight_gradient_pays(const WeightGradientArgs& args) {
  const WordProducts products = word_products(args.type);
  if (!weight_gradient_takes(args, products)) return false;
  if (products == WordProducts::kTiles) return true;
  const std::int64_t pixels = args.conv.out_pixels();
  if (products == WordProducts::kAvx2)
    return pixels <= 1024 && (args.conv.kernel > 1 || are_few_weights(args.conv, products));
  return args.conv.channels >= 128 && pixels <= 64;
}

std::int64_t weight_gradient_work(const WeightGradientArgs& args) {
  return weight_gradient_work(args, word_products(args.type));
}

std::int64_t weight_gradient_work(const WeightGradientArgs& args, WordProducts products) {
  if (args.conv.num_images == 0) return 0;
  if (products == WordProducts::kTiles) return tile_gradient_work(args);
  if (are_few_weights(args.conv, products)) return avx2_gradient_work(args);
  const std::int64_t panel = panel_sizes(products).dy, filters = num_panels(args.conv.filters, panel) * panel;
  return chunk_groups(args) * (args.conv.pixels() * args.conv.channels + args.conv.out_pixels() * filters);
}

void weight_gradient_cpu(const WeightGradientArgs& args) {
  weight_gradient_cpu(args, word_products(args.type));
}

void weight_gradient_cpu(const WeightGradientArgs& args, WordProducts products) {
#ifdef THALWEG_AVX512
  if (args.conv.num_images == 0) {
    std::fill_n(args.dw, args.conv.filters * args.conv.taps() * args.conv.channels, 0.0f);
    return;
  }
  if (products == WordProducts::kTiles) return tile_gradient_cpu(args);
  if (are_few_weights(args.conv, products)) return avx2_gradient_cpu(args);
  const AddTile add = add_tile(args.type, products);
  const PanelSizes panel = panel_sizes(products);
  const ConvSizes& conv = args.conv;
  const std::int64_t all = num_groups(args), chunk = chunk_groups(args);
  const Panels x{args.x, conv.pixels(), conv.channels, panel.x, args.work};
  const Panels dy{args.dy, conv.out_pixels(), conv.filters, panel.dy,
                  args.work + chunk * conv.pixels() * conv.channels};
  const std::int64_t panels_dy = num_panels(conv.filters, panel.dy), panels_x = conv.channels / panel.x;
  const std::int64_t taps = conv.taps();
  for (std::int64_t group = 0; group < all; group += chunk) {
    const std::int64_t groups = std::min(chunk, all - group);
    for (const Panels& panels : {x, dy}) {
      at::parallel_for(0, groups * panels.pixels, 16,
                       [&](std::int64_t begin, std::int64_t end) { pack(args, panels, group, groups, begin, end); });
    }
    std::vector<std::vector<Run>> runs;
    for (std::int64_t tap = 0; tap < taps; ++tap)
      runs.push_back(runs_of(conv, tap / conv.kernel, tap % conv.kernel, groups));
    at::parallel_for(0, panels_x * taps * panels_dy, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        const std::int64_t k = t % panels_dy, tap = t / panels_dy % taps, c = t / panels_dy / taps;
        add({.runs = runs[static_cast<std::size_t>(tap)],
             .dy = dy.to + k * dy.pixels * groups * panel.dy,
             .x = x.to + c * x.pixels * groups * panel.x,
             .first = group == 0,
             .dw = args.dw + (k * panel.dy * taps + tap) * conv.channels + c * panel.x,
             .row = taps * conv.channels,
             .rows = std::min<std::int64_t>(panel.dy, conv.filters - k * panel.dy)});
      }
    });
  }
#endif
}

}  // namespace thalweg
