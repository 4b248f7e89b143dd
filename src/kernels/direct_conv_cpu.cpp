#include <array>
#include <vector>

#include <ATen/Parallel.h>

#include "kernels/direct_conv.h"

namespace thalweg {
namespace {

constexpr std::int64_t kPanel = 64;        // output channels of a task
constexpr std::int64_t kBlockWords = 128;  // of input channels: a block's weights, 32 kB, stay in the first-level cache
constexpr std::int64_t kTaskPixels = 256;
constexpr int kRows = 6;  // pixels of a tile: 24 registers of sums

// The convolution as a product from input channels to output channels, whichever way it goes.
struct Product {
  explicit Product(const DirectConvArgs& args) {
    const ConvSizes& conv = args.conv;
    const bool forward = args.pass == DirectConvPass::kForward;
    from_pixels = forward ? conv.pixels() : conv.out_pixels();
    to_pixels = forward ? conv.out_pixels() : conv.pixels();
    inputs = forward ? conv.channels : conv.filters;
    outputs = forward ? conv.filters : conv.channels;
    words = inputs / values_a_word(args.type);
  }
  std::int64_t from_pixels, to_pixels;
  std::int64_t inputs, outputs;  // channels
  std::int64_t words;            // of a pixel's input channels
};

#ifdef THALWEG_AVX512
struct PixelPair {
  std::int64_t from, to;
};

// The pixels of one image that each tap connects.
std::vector<std::vector<PixelPair>> connected_pixels(const DirectConvArgs& args) {
  const ConvSizes& conv = args.conv;
  std::vector<std::vector<PixelPair>> taps;
  for (std::int64_t tap = 0; tap < conv.taps(); ++tap) {
    const std::int64_t r = tap / conv.kernel, s = tap % conv.kernel;
    const TapRange rows = inside(conv, r, conv.height, conv.out_height),
                   columns = inside(conv, s, conv.width, conv.out_width);
    std::vector<PixelPair>& pairs = taps.emplace_back();
    for (std::int64_t p = rows.begin; p < rows.end; ++p) {
      for (std::int64_t q = columns.begin; q < columns.end; ++q) {
        const std::int64_t image =
            (p * conv.stride + r - conv.padding) * conv.width + q * conv.stride + s - conv.padding;
        const std::int64_t output = p * conv.out_width + q;
        pairs.push_back(args.pass == DirectConvPass::kForward ? PixelPair{image, output} : PixelPair{output, image});
      }
    }
  }
  return taps;
}

// Adds the products of kNumRows pixels' `words` input words with kPanel output channels to the pixels' sums.
template <bool kBFloat16, int kNumRows>
THALWEG_AVX512 void add_products(const ConvWord* const* from, float* const* sums, const ConvWord* weights,
                                 std::int64_t words) {
  __m512 sum[kNumRows][4];
  const ConvWord* row[kNumRows];
#pragma GCC unroll 8
  for (int i = 0; i < kNumRows; ++i) {
    row[i] = from[i];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) sum[i][j] = _mm512_load_ps(sums[i] + j * 16);
  }
  for (std::int64_t w = 0; w < words; ++w, weights += kPanel) {
    __m512i weight[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) weight[j] = _mm512_loadu_si512(weights + j * 16);
#pragma GCC unroll 8
    for (int i = 0; i < kNumRows; ++i) {
      const __m512i x = sixteen_times(row[i][w]);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) sum[i][j] = multiply_add<kBFloat16>(sum[i][j], x, weight[j]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kNumRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) _mm512_store_ps(sums[i] + j * 16, sum[i][j]);
  }
}

// Sixteen output channels at a time: there are half as many registers, of half the width.
template <int kNumRows>
THALWEG_AVX2 void add_products_avx2(const ConvWord* const* from, float* const* sums, const ConvWord* weights,
                                    std::int64_t words) {
  for (std::int64_t part = 0; part < kPanel; part += 16) {
    __m256 sum[kNumRows][2];
#pragma GCC unroll 8
    for (int i = 0; i < kNumRows; ++i) {
      sum[i][0] = _mm256_loadu_ps(sums[i] + part);
      sum[i][1] = _mm256_loadu_ps(sums[i] + part + 8);
    }
    const float* weight = reinterpret_cast<const float*>(weights + part);
    for (std::int64_t w = 0; w < words; ++w, weight += kPanel) {
      const __m256 low = _mm256_loadu_ps(weight), high = _mm256_loadu_ps(weight + 8);
#pragma GCC unroll 8
      for (int i = 0; i < kNumRows; ++i) {
        const __m256 x = _mm256_broadcast_ss(reinterpret_cast<const float*>(from[i] + w));
        sum[i][0] = _mm256_fmadd_ps(x, low, sum[i][0]);
        sum[i][1] = _mm256_fmadd_ps(x, high, sum[i][1]);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < kNumRows; ++i) {
      _mm256_storeu_ps(sums[i] + part, sum[i][0]);
      _mm256_storeu_ps(sums[i] + part + 8, sum[i][1]);
    }
  }
}

template <bool kBFloat16>
THALWEG_AVX512 THALWEG_INLINE __m512 load16(const void* values, std::int64_t at) {
  if constexpr (kBFloat16) {
    const auto* bits = reinterpret_cast<const __m256i*>(static_cast<const BFloat16*>(values) + at);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(bits)), 16));
  } else {
    return _mm512_loadu_ps(static_cast<const float*>(values) + at);
  }
}

template <bool kBFloat16>
THALWEG_AVX512 THALWEG_INLINE void store16(void* values, std::int64_t at, __m512 x) {
  if constexpr (kBFloat16) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(static_cast<BFloat16*>(values) + at),
                        (__m256i)_mm512_cvtneps_pbh(x));
  } else {
    _mm512_storeu_ps(static_cast<float*>(values) + at, x);
  }
}

// A pixel's sums, with bias, other and ReLU. `at`: of its first output channel among all.
template <bool kBFloat16>
THALWEG_AVX512 void finish_pixel(const DirectConvArgs& args, const float* sums, std::int64_t at, std::int64_t channel) {
  for (std::int64_t k = 0; k < kPanel; k += 16) {
    __m512 x = _mm512_loadu_ps(sums + k);
    if (args.bias) x = _mm512_add_ps(x, load16<kBFloat16>(args.bias, channel + k));
    if (args.other) x = _mm512_add_ps(x, load16<kBFloat16>(args.other, at + k));
    if (args.relu) x = _mm512_max_ps(_mm512_setzero_ps(), x);  // of a NaN it gives the second
    store16<kBFloat16>(args.to, at + k, x);
  }
}

THALWEG_AVX2 void finish_pixel_avx2(const DirectConvArgs& args, const float* sums, std::int64_t at,
                                    std::int64_t channel) {
  const float *bias = static_cast<const float*>(args.bias), *other = static_cast<const float*>(args.other);
  for (std::int64_t k = 0; k < kPanel; k += 8) {
    __m256 x = _mm256_loadu_ps(sums + k);
    if (bias) x = _mm256_add_ps(x, _mm256_loadu_ps(bias + channel + k));
    if (other) x = _mm256_add_ps(x, _mm256_loadu_ps(other + at + k));
    if (args.relu) x = _mm256_max_ps(_mm256_setzero_ps(), x);
    _mm256_storeu_ps(static_cast<float*>(args.to) + at + k, x);
  }
}

// What a task calls, of one kind of products.
struct Kernels {
  using AddProducts = void (*)(const ConvWord* const*, float* const*, const ConvWord*, std::int64_t);
  std::array<AddProducts, kRows> add_products;  // of one row, of two, ...
  void (*finish_pixel)(const DirectConvArgs&, const float*, std::int64_t, std::int64_t);
};

template <bool kBFloat16>
constexpr Kernels kAvx512 = {{add_products<kBFloat16, 1>, add_products<kBFloat16, 2>, add_products<kBFloat16, 3>,
                              add_products<kBFloat16, 4>, add_products<kBFloat16, 5>, add_products<kBFloat16, 6>},
                             finish_pixel<kBFloat16>};
constexpr Kernels kAvx2 = {{add_products_avx2<1>, add_products_avx2<2>, add_products_avx2<3>, add_products_avx2<4>,
                            add_products_avx2<5>, add_products_avx2<6>},
                           finish_pixel_avx2};

const Kernels& kernels_of(ActivationType type, WordProducts products) {
  if (products == WordProducts::kAvx2) return kAvx2;
  return type == ActivationType::kFloat32 ? kAvx512<false> : kAvx512<true>;
}

// One task: kPanel output channels of some images.
class Task {
 public:
  struct Plan {
    const Kernels& kernels;
    const std::vector<std::vector<PixelPair>>& taps;
    std::int64_t images;  // at most, of a task
  };
  Task(const DirectConvArgs& args, const Plan& plan)
      : args_(args), product_(args), plan_(plan), sums_(plan.images * product_.to_pixels * kPanel + kAlignment) {
    from_.reserve(static_cast<std::size_t>(plan.images * product_.to_pixels));
    to_.reserve(from_.capacity());
  }

  void run(std::int64_t panel, std::int64_t first_image, std::int64_t num_images) {
    float* const sums = aligned_sums();
    std::fill_n(sums, num_images * product_.to_pixels * kPanel, 0.0f);
    const ConvWord* weights = args_.weights + panel * args_.conv.taps() * product_.words * kPanel;
    for (const std::vector<PixelPair>& pairs : plan_.taps) {
      list_rows(pairs, first_image, num_images);
      for (std::int64_t word = 0; word < product_.words; word += kBlockWords)
        add_block(weights + word * kPanel, word, std::min(kBlockWords, product_.words - word));
      weights += product_.words * kPanel;
    }
    for (std::int64_t pixel = 0; pixel < num_images * product_.to_pixels; ++pixel) {
      const std::int64_t all = first_image * product_.to_pixels + pixel;
      plan_.kernels.finish_pixel(args_, sums + pixel * kPanel, all * product_.outputs + panel * kPanel, panel * kPanel);
    }
  }

 private:
  static constexpr std::int64_t kAlignment = 16;  // floats

  float* aligned_sums() {
    const auto address = reinterpret_cast<std::uintptr_t>(sums_.data());
    return sums_.data() + (-address / sizeof(float)) % kAlignment;
  }

  void list_rows(const std::vector<PixelPair>& pairs, std::int64_t first_image, std::int64_t num_images) {
    from_.clear();
    to_.clear();
    for (std::int64_t n = 0; n < num_images; ++n) {
      const ConvWord* image =
          static_cast<const ConvWord*>(args_.from) + (first_image + n) * product_.from_pixels * product_.words;
      float* sums = aligned_sums() + n * product_.to_pixels * kPanel;
      for (const PixelPair& pair : pairs) {
        from_.push_back(image + pair.from * product_.words);
        to_.push_back(sums + pair.to * kPanel);
      }
    }
  }

  // The input words from `word` on of all pixels listed.
  void add_block(const ConvWord* weights, std::int64_t word, std::int64_t words) {
    for (std::size_t row = 0; row < from_.size(); row += kRows) {
      const std::size_t rows = std::min<std::size_t>(kRows, from_.size() - row);
      std::array<const ConvWord*, kRows> from{};
      for (std::size_t i = 0; i < rows; ++i) from[i] = from_[row + i] + word;
      plan_.kernels.add_products[rows - 1](from.data(), to_.data() + row, weights, words);
    }
  }

  const DirectConvArgs& args_;
  const Product product_;
  const Plan plan_;
  std::vector<float> sums_;
  std::vector<const ConvWord*> from_;  // by row of the tap's products
  std::vector<float*> to_;
};

void run(const DirectConvArgs& args, WordProducts products) {
  const Product product(args);
  const auto taps = connected_pixels(args);
  const std::int64_t images = std::clamp<std::int64_t>(kTaskPixels / product.to_pixels, 1, args.conv.num_images);
  const std::int64_t groups = (args.conv.num_images + images - 1) / images;
  const Task::Plan plan{kernels_of(args.type, products), taps, images};
  at::parallel_for(0, groups * (product.outputs / kPanel), 1, [&](std::int64_t begin, std::int64_t end) {
    Task task(args, plan);
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t first = t % groups * images;
      task.run(t / groups, first, std::min(images, args.conv.num_images - first));
    }
  });
}

// to[j * kPanel + i] = from[i * stride + j] for i and j below 16.
THALWEG_AVX512 void transpose16(const ConvWord* from, std::int64_t stride, ConvWord* to) {
  __m512i a[16], b[16];
  for (int i = 0; i < 16; ++i) a[i] = _mm512_loadu_si512(from + i * stride);
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
  // a[4 g + j] holds columns j, 4 + j, 8 + j, 12 + j of rows 4 g to 4 g + 3.
  for (int j = 0; j < 4; ++j) {
    const __m512i low = _mm512_shuffle_i32x4(a[j], a[4 + j], 0x88), high = _mm512_shuffle_i32x4(a[j], a[4 + j], 0xDD);
    const __m512i low2 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0x88),
                  high2 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0xDD);
    _mm512_storeu_si512(to + j * kPanel, _mm512_shuffle_i32x4(low, low2, 0x88));
    _mm512_storeu_si512(to + (8 + j) * kPanel, _mm512_shuffle_i32x4(low, low2, 0xDD));
    _mm512_storeu_si512(to + (4 + j) * kPanel, _mm512_shuffle_i32x4(high, high2, 0x88));
    _mm512_storeu_si512(to + (12 + j) * kPanel, _mm512_shuffle_i32x4(high, high2, 0xDD));
  }
}

// The same without instructions for it.
void transpose16_plainly(const ConvWord* from, std::int64_t stride, ConvWord* to) {
  for (std::int64_t j = 0; j < 16; ++j) {
    for (std::int64_t i = 0; i < 16; ++i) to[j * kPanel + i] = from[i * stride + j];
  }
}

// Words of filters' input channels: as they lie, in other places.
void pack_forward(const DirectConvArgs& args, const Product& product, const ConvWord* weight, std::int64_t panel,
                  std::int64_t tap, WordProducts products, ConvWord* to) {
  const std::int64_t stride = args.conv.taps() * product.words;
  const auto transpose = products == WordProducts::kAvx512 ? transpose16 : transpose16_plainly;
  for (std::int64_t k = 0; k < kPanel; k += 16) {
    const ConvWord* from = weight + (panel * kPanel + k) * stride + tap * product.words;
    for (std::int64_t word = 0; word < product.words; word += 16)
      transpose(from + word, stride, to + word * kPanel + k);
  }
}

// Words of two filters (or one) at one input channel.
template <typename T>
THALWEG_INLINE void pack_filters(const DirectConvArgs& args, const Product& product, const T* weight,
                                 std::int64_t panel, std::int64_t tap, ConvWord* __restrict to) {
  const std::int64_t stride = args.conv.taps() * args.conv.channels;
  const T* from = weight + tap * args.conv.channels + panel * kPanel;
  for (std::int64_t word = 0; word < product.words; ++word, to += kPanel) {
    if constexpr (sizeof(T) == 4) {
      for (std::int64_t c = 0; c < kPanel; ++c) to[c] = bits_as<ConvWord>(from[word * stride + c]);
    } else {
      const T* __restrict first = from + 2 * word * stride;
      const T* __restrict second = first + stride;
      for (std::int64_t c = 0; c < kPanel; ++c) to[c] = first[c].bits | static_cast<ConvWord>(second[c].bits) << 16;
    }
  }
}

THALWEG_SIMD void pack_input_gradient(const DirectConvArgs& args, const Product& product, const void* weight,
                                      std::int64_t panel, std::int64_t tap, ConvWord* to) {
  if (args.type == ActivationType::kFloat32) {
    pack_filters(args, product, static_cast<const float*>(weight), panel, tap, to);
  } else {
    pack_filters(args, product, static_cast<const BFloat16*>(weight), panel, tap, to);
  }
}
#endif

}  // namespace

bool direct_conv_takes(const DirectConvArgs& args) {
  return word_products(args.type) != WordProducts::kNone && args.conv.channels % kPanel == 0 &&
         args.conv.filters % kPanel == 0;
}

bool direct_conv_pays(const DirectConvArgs& args) {
  if (!direct_conv_takes(args) || has_tile_products(args.type) || args.conv.kernel == 1) return false;
  const std::int64_t pixels = args.conv.out_pixels();
  const bool is_narrow = word_products(args.type) == WordProducts::kAvx2;
  return pixels <= 16 || (pixels <= 64 && (is_narrow || args.conv.filters >= 256));
}

std::int64_t direct_conv_weight_words(const ConvSizes& conv, ActivationType type) {
  return conv.filters * conv.taps() * conv.channels / values_a_word(type);
}

void pack_direct_conv_weights(const DirectConvArgs& args, const void* weight, ConvWord* words) {
  pack_direct_conv_weights(args, weight, words, word_products(args.type));
}

void pack_direct_conv_weights(const DirectConvArgs& args, const void* weight, ConvWord* words, WordProducts products) {
#ifdef THALWEG_AVX512
  const Product product(args);
  const std::int64_t taps = args.conv.taps();
  at::parallel_for(0, product.outputs / kPanel * taps, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      ConvWord* to = words + t * product.words * kPanel;
      if (args.pass == DirectConvPass::kForward) {
        pack_forward(args, product, static_cast<const ConvWord*>(weight), t / taps, t % taps, products, to);
      } else {
        pack_input_gradient(args, product, weight, t / taps, t % taps, to);
      }
    }
  });
#endif
}

void direct_conv_cpu(const DirectConvArgs& args) {
  direct_conv_cpu(args, word_products(args.type));
}

void direct_conv_cpu(const DirectConvArgs& args, WordProducts products) {
#ifdef THALWEG_AVX512
  if (args.conv.num_images > 0) run(args, products);
#endif
}

}  // namespace thalweg
