#include <algorithm>

#include <ATen/Parallel.h>

#include "kernels/weight_gradient_tiles.h"

namespace thalweg {
namespace {

constexpr std::int64_t kPanelX = 32, kPanelDy = 8;  // channels
// Words of a panel's channel in a chunk: a panel of x then takes 128 kB, and stays in the second-level cache.
constexpr std::int64_t kChunkWords = 1024;

// A word holds a float32, or the bfloat16s of two images.
std::int64_t num_groups(const WeightGradientArgs& args) {
  return (args.conv.num_images + values_a_word(args.type) - 1) / values_a_word(args.type);
}

// Groups of images, of one or two, in a chunk.
std::int64_t chunk_groups(const WeightGradientArgs& args) {
  const std::int64_t pixels = args.conv.out_pixels();
  return std::clamp<std::int64_t>(kChunkWords / pixels, 1, num_groups(args));
}

// Some groups of an activation [N, pixels, channels], laid out [channels / panel][pixels][groups][panel].
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
      for (std::int64_t i = 0; i < panels.panel; ++i) to[i] = bits_as<ConvWord>(first[i]);
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

#ifdef THALWEG_AVX512
struct Sums {
  __m512 value[kPanelDy][2];
};

template <bool kBFloat16>
THALWEG_AVX512 THALWEG_INLINE void accumulate(Sums& sums, const ConvWord* dy, const ConvWord* x, std::int64_t words) {
  for (std::int64_t i = 0; i < words; ++i, dy += kPanelDy, x += kPanelX) {
    const __m512i x0 = _mm512_loadu_si512(x), x1 = _mm512_loadu_si512(x + 16);
#pragma GCC unroll 8
    for (int k = 0; k < kPanelDy; ++k) {
      const __m512i word = sixteen_times(dy[k]);
      sums.value[k][0] = multiply_add<kBFloat16>(sums.value[k][0], word, x0);
      sums.value[k][1] = multiply_add<kBFloat16>(sums.value[k][1], word, x1);
    }
  }
}

// Adds a chunk's part of the kPanelDy x kPanelX weights of tap (r, s) that `dy` and `x` are the panels of.
template <bool kBFloat16>
THALWEG_AVX512 void tile(const WeightGradientArgs& args, const ConvWord* dy, const ConvWord* x, std::int64_t r,
                         std::int64_t s, std::int64_t groups, bool first, float* dw) {
  Sums sums;
  const std::int64_t row = args.conv.taps() * args.conv.channels;
  for (std::int64_t k = 0; k < kPanelDy; ++k) {
    for (std::int64_t j = 0; j < 2; ++j)
      sums.value[k][j] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(dw + k * row + j * 16);
  }
  const TapRange rows = inside(args.conv, r, args.conv.height, args.conv.out_height),
                 columns = inside(args.conv, s, args.conv.width, args.conv.out_width);
  for (std::int64_t p = rows.begin; p < rows.end; ++p) {
    const ConvWord* from = x + (p * args.conv.stride + r - args.conv.padding) * args.conv.width * groups * kPanelX;
    // With stride 1 a row's pixels lie behind each other in both panels.
    const std::int64_t run = args.conv.stride == 1 ? columns.end - columns.begin : 1;
    for (std::int64_t q = columns.begin; q < columns.end; q += run) {
      accumulate<kBFloat16>(sums, dy + (p * args.conv.out_width + q) * groups * kPanelDy,
                            from + (q * args.conv.stride + s - args.conv.padding) * groups * kPanelX, run * groups);
    }
  }
  for (std::int64_t k = 0; k < kPanelDy; ++k) {
    for (std::int64_t j = 0; j < 2; ++j) _mm512_storeu_ps(dw + k * row + j * 16, sums.value[k][j]);
  }
}
#endif

}  // namespace

bool weight_gradient_takes(const WeightGradientArgs& args) {
  return weight_gradient_takes(args, word_products(args.type));
}

bool weight_gradient_takes(const WeightGradientArgs& args, WordProducts products) {
  const std::int64_t panel_dy = products == WordProducts::kTiles ? kPanelX : kPanelDy;
  return products >= WordProducts::kAvx512 && args.conv.channels % kPanelX == 0 && args.conv.filters % panel_dy == 0;
}

bool weight_gradient_pays(const WeightGradientArgs& args) {
  const WordProducts products = word_products(args.type);
  if (!weight_gradient_takes(args, products)) return false;
  if (products == WordProducts::kTiles) return true;
  return args.conv.channels >= 128 && args.conv.out_pixels() <= 64;
}

std::int64_t weight_gradient_work(const WeightGradientArgs& args) {
  return weight_gradient_work(args, word_products(args.type));
}

std::int64_t weight_gradient_work(const WeightGradientArgs& args, WordProducts products) {
  if (products == WordProducts::kTiles) return tile_gradient_work(args);
  return chunk_groups(args) * (args.conv.pixels() * args.conv.channels + args.conv.out_pixels() * args.conv.filters);
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
  const std::int64_t pixels = args.conv.pixels(), out_pixels = args.conv.out_pixels();
  const std::int64_t all = num_groups(args), chunk = chunk_groups(args);
  const Panels x{args.x, pixels, args.conv.channels, kPanelX, args.work};
  const Panels dy{args.dy, out_pixels, args.conv.filters, kPanelDy, args.work + chunk * pixels * args.conv.channels};
  const std::int64_t panels_dy = args.conv.filters / kPanelDy, panels_x = args.conv.channels / kPanelX;
  const std::int64_t taps = args.conv.taps();
  const auto one_tile = args.type == ActivationType::kFloat32 ? tile<false> : tile<true>;
  for (std::int64_t group = 0; group < all; group += chunk) {
    const std::int64_t groups = std::min(chunk, all - group);
    for (const Panels& panels : {x, dy}) {
      at::parallel_for(0, groups * panels.pixels, 16,
                       [&](std::int64_t begin, std::int64_t end) { pack(args, panels, group, groups, begin, end); });
    }
    at::parallel_for(0, panels_x * taps * panels_dy, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        const std::int64_t k = t % panels_dy, tap = t / panels_dy % taps, c = t / panels_dy / taps;
        one_tile(args, dy.to + k * out_pixels * groups * kPanelDy, x.to + c * pixels * groups * kPanelX,
                 tap / args.conv.kernel, tap % args.conv.kernel, groups, group == 0,
                 args.dw + (k * kPanelDy * taps + tap) * args.conv.channels + c * kPanelX);
      }
    });
  }
#endif
}

}  // namespace thalweg
