#include <algorithm>

#include <ATen/Parallel.h>

#include "kernels/simd.h"
#include "kernels/weight_gradient.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define THALWEG_AVX512 __attribute__((target("avx512f,avx512bf16,avx512vl,avx512bw")))
#endif

namespace thalweg {
namespace {

using Word = std::uint32_t;  // a float32, or the bfloat16s of two images

constexpr std::int64_t kPanelX = 32, kPanelDy = 8;  // channels
// Words of a panel's channel in a chunk: a panel of x then takes 128 kB, and stays in the second-level cache.
constexpr std::int64_t kChunkWords = 1024;

std::int64_t images_a_word(const WeightGradientArgs& args) {
  return args.type == ActivationType::kBFloat16 ? 2 : 1;
}

std::int64_t num_groups(const WeightGradientArgs& args) {
  return (args.num_images + images_a_word(args) - 1) / images_a_word(args);
}

// Groups of images, of one or two, in a chunk.
std::int64_t chunk_groups(const WeightGradientArgs& args) {
  const std::int64_t pixels = args.out_height * args.out_width;
  return std::clamp<std::int64_t>(kChunkWords / pixels, 1, num_groups(args));
}

// Some groups of an activation [N, pixels, channels], laid out [channels / panel][pixels][groups][panel].
struct Panels {
  const void* from;
  std::int64_t pixels, channels, panel;
  Word* to;
};

template <typename T>
THALWEG_INLINE void pack_pixel(const WeightGradientArgs& args, const Panels& panels, std::int64_t first_group,
                               std::int64_t groups, std::int64_t index) {
  const std::int64_t pixel = index % panels.pixels, group = index / panels.pixels;
  const std::int64_t image = (first_group + group) * images_a_word(args), stride = panels.pixels * panels.channels;
  const T* from = static_cast<const T*>(panels.from) + image * stride + pixel * panels.channels;
  for (std::int64_t c = 0; c < panels.channels; c += panels.panel) {
    Word* __restrict to = panels.to + ((c / panels.panel * panels.pixels + pixel) * groups + group) * panels.panel;
    const T* __restrict first = from + c;
    if constexpr (sizeof(T) == 4) {
      for (std::int64_t i = 0; i < panels.panel; ++i) to[i] = bits_as<Word>(first[i]);
    } else if (image + 1 < args.num_images) {
      const T* __restrict second = first + stride;
      for (std::int64_t i = 0; i < panels.panel; ++i) to[i] = first[i].bits | static_cast<Word>(second[i].bits) << 16;
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

// The output pixels along one axis that tap `t` takes inside of the image.
struct Range {
  std::int64_t begin, end;
};
Range inside(const WeightGradientArgs& args, std::int64_t t, std::int64_t size, std::int64_t out_size) {
  const std::int64_t shift = args.padding - t;  // input = output * stride - shift
  const std::int64_t begin = shift > 0 ? (shift + args.stride - 1) / args.stride : 0;
  const std::int64_t last = size - 1 + shift;
  return {begin, last < 0 ? begin : std::max(begin, std::min(out_size, last / args.stride + 1))};
}

#ifdef THALWEG_AVX512
struct Sums {
  __m512 value[kPanelDy][2];
};

template <bool kBFloat16>
THALWEG_AVX512 THALWEG_INLINE __m512 multiply_add(__m512 sum, Word a, __m512i b) {
  if constexpr (kBFloat16) {
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(a)), (__m512bh)b);
  } else {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(a))), _mm512_castsi512_ps(b), sum);
  }
}

template <bool kBFloat16>
THALWEG_AVX512 THALWEG_INLINE void accumulate(Sums& sums, const Word* dy, const Word* x, std::int64_t words) {
  for (std::int64_t i = 0; i < words; ++i, dy += kPanelDy, x += kPanelX) {
    const __m512i x0 = _mm512_loadu_si512(x), x1 = _mm512_loadu_si512(x + 16);
#pragma GCC unroll 8
    for (int k = 0; k < kPanelDy; ++k) {
      sums.value[k][0] = multiply_add<kBFloat16>(sums.value[k][0], dy[k], x0);
      sums.value[k][1] = multiply_add<kBFloat16>(sums.value[k][1], dy[k], x1);
    }
  }
}

// Adds a chunk's part of the kPanelDy x kPanelX weights of tap (r, s) that `dy` and `x` are the panels of.
template <bool kBFloat16>
THALWEG_AVX512 void tile(const WeightGradientArgs& args, const Word* dy, const Word* x, std::int64_t r, std::int64_t s,
                         std::int64_t groups, bool first, float* dw) {
  Sums sums;
  const std::int64_t row = args.kernel * args.kernel * args.channels;
  for (std::int64_t k = 0; k < kPanelDy; ++k) {
    for (std::int64_t j = 0; j < 2; ++j)
      sums.value[k][j] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(dw + k * row + j * 16);
  }
  const Range rows = inside(args, r, args.height, args.out_height),
              columns = inside(args, s, args.width, args.out_width);
  for (std::int64_t p = rows.begin; p < rows.end; ++p) {
    const Word* from = x + (p * args.stride + r - args.padding) * args.width * groups * kPanelX;
    // With stride 1 a row's pixels lie behind each other in both panels.
    const std::int64_t run = args.stride == 1 ? columns.end - columns.begin : 1;
    for (std::int64_t q = columns.begin; q < columns.end; q += run) {
      accumulate<kBFloat16>(sums, dy + (p * args.out_width + q) * groups * kPanelDy,
                            from + (q * args.stride + s - args.padding) * groups * kPanelX, run * groups);
    }
  }
  for (std::int64_t k = 0; k < kPanelDy; ++k) {
    for (std::int64_t j = 0; j < 2; ++j) _mm512_storeu_ps(dw + k * row + j * 16, sums.value[k][j]);
  }
}
#endif

}  // namespace

bool weight_gradient_takes(const WeightGradientArgs& args) {
#ifdef THALWEG_AVX512
  const bool processor = args.type == ActivationType::kFloat32    ? __builtin_cpu_supports("avx512f")
                         : args.type == ActivationType::kBFloat16 ? __builtin_cpu_supports("avx512bf16")
                                                                  : false;
  return processor && args.channels % kPanelX == 0 && args.filters % kPanelDy == 0;
#else
  return false;
#endif
}

bool weight_gradient_pays(const WeightGradientArgs& args) {
  return weight_gradient_takes(args) && args.channels >= 128 && args.out_height * args.out_width <= 64;
}

std::int64_t weight_gradient_work(const WeightGradientArgs& args) {
  return chunk_groups(args) *
         (args.height * args.width * args.channels + args.out_height * args.out_width * args.filters);
}

void weight_gradient_cpu(const WeightGradientArgs& args) {
#ifdef THALWEG_AVX512
  const std::int64_t pixels = args.height * args.width, out_pixels = args.out_height * args.out_width;
  const std::int64_t all = num_groups(args), chunk = chunk_groups(args);
  const Panels x{args.x, pixels, args.channels, kPanelX, args.work};
  const Panels dy{args.dy, out_pixels, args.filters, kPanelDy, args.work + chunk * pixels * args.channels};
  const std::int64_t panels_dy = args.filters / kPanelDy, panels_x = args.channels / kPanelX;
  const std::int64_t taps = args.kernel * args.kernel;
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
                 tap / args.kernel, tap % args.kernel, groups, group == 0,
                 args.dw + (k * kPanelDy * taps + tap) * args.channels + c * kPanelX);
      }
    });
  }
#endif
}

}  // namespace thalweg
