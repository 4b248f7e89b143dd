#include <algorithm>
#include <array>
#include <vector>

#include <ATen/Parallel.h>

#include "kernels/direct_conv_parts.h"

namespace thalweg {
namespace {

constexpr std::int64_t kPanel = kWordPanel;  // output channels per task
constexpr std::int64_t kTaskPixels = 256;
constexpr int kRows = 6;                   // pixels per tile: 24 registers of sums
constexpr std::int64_t kBlockWords = 128;  // input words per block: their weights, 32 kB, stay in the L1 cache

#ifdef THALWEG_AVX512
// Multiplies `words` input words of each of kNumRows pixels by the weights of kPanel output channels, and adds the
// products to the pixels' sums.
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

template <bool kBFloat16>
THALWEG_AVX512 void finish_pixel(const DirectConvArgs& args, const float* sums, std::int64_t at, std::int64_t channel) {
  finish_sums<kBFloat16, kPanel>(args, sums, at, channel);
}

// The functions that a task calls, for one type.
struct Kernels {
  using AddProducts = void (*)(const ConvWord* const*, float* const*, const ConvWord*, std::int64_t);
  std::array<AddProducts, kRows> add_products;  // for one row, for two, ...
  void (*finish_pixel)(const DirectConvArgs&, const float*, std::int64_t, std::int64_t);
};

template <bool kBFloat16>
constexpr Kernels kKernels = {{add_products<kBFloat16, 1>, add_products<kBFloat16, 2>, add_products<kBFloat16, 3>,
                               add_products<kBFloat16, 4>, add_products<kBFloat16, 5>, add_products<kBFloat16, 6>},
                              finish_pixel<kBFloat16>};

// One task: kPanel output channels of some images.
class Task {
 public:
  struct Plan {
    const Kernels& kernels;
    const std::vector<std::vector<PixelPair>>& taps;
    std::int64_t images;  // per task, at most
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

  // Adds the products of the input words from `word` on, for all pixels listed.
  void add_block(const ConvWord* weights, std::int64_t word, std::int64_t words) {
    for (std::size_t row = 0; row < from_.size(); row += kRows) {
      const std::size_t rows = std::min<std::size_t>(kRows, from_.size() - row);
      std::array<const ConvWord*, kRows> from{};
      for (std::size_t i = 0; i < rows; ++i) from[i] = from_[row + i] + word;
      plan_.kernels.add_products[rows - 1](from.data(), to_.data() + row, weights, words);
    }
  }

  const DirectConvArgs& args_;
  const ConvProduct product_;
  const Plan plan_;
  std::vector<float> sums_;
  std::vector<const ConvWord*> from_;  // by row of the tap's products
  std::vector<float*> to_;
};

void avx512_conv_cpu(const DirectConvArgs& args) {
  const ConvProduct product(args);
  const auto taps = connected_pixels(args);
  const std::int64_t images = std::clamp<std::int64_t>(kTaskPixels / product.to_pixels, 1, args.conv.num_images);
  const std::int64_t groups = (args.conv.num_images + images - 1) / images;
  const bool is_float32 = args.type == ActivationType::kFloat32;
  const Task::Plan plan{is_float32 ? kKernels<false> : kKernels<true>, taps, images};
  at::parallel_for(0, groups * (product.outputs / kPanel), 1, [&](std::int64_t begin, std::int64_t end) {
    Task task(args, plan);
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t first = t % groups * images;
      task.run(t / groups, first, std::min(images, args.conv.num_images - first));
    }
  });
}

#endif

}  // namespace

std::vector<std::vector<PixelPair>> connected_pixels(const DirectConvArgs& args) {
  const ConvSizes& conv = args.conv;
  std::vector<std::vector<PixelPair>> taps;
  for (std::int64_t tap = 0; tap < conv.taps(); ++tap) {
    const std::int64_t r = tap / conv.kernel, s = tap % conv.kernel;
    const TapRange rows = inside(conv, r, conv.height, conv.out_height),
                   columns = inside(conv, s, conv.width, conv.out_width);
    std::vector<PixelPair>& pairs = taps.emplace_back();
    pairs.reserve(static_cast<std::size_t>((rows.end - rows.begin) * (columns.end - columns.begin)));
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

bool direct_conv_takes(const DirectConvArgs& args) {
  return direct_conv_takes(args, word_products(args.type));
}

bool direct_conv_takes(const DirectConvArgs& args, WordProducts products) {
  if (products == WordProducts::kNone || args.type == ActivationType::kFloat16) return false;
  if (products == WordProducts::kAvx2 && args.type != ActivationType::kFloat32) return false;
  const std::int64_t panel = direct_conv_panel(products);
  return args.conv.channels % panel == 0 && args.conv.filters % panel == 0;
}

bool direct_conv_pays(const DirectConvArgs& args) {
  const WordProducts products = word_products(args.type);
  const std::int64_t pixels = args.conv.out_pixels();
  if (!direct_conv_takes(args, products)) return false;
  if (products == WordProducts::kTiles)
    return pixels <= 64 && (args.conv.kernel > 1 || args.pass == DirectConvPass::kInputGradient);
  if (products == WordProducts::kAvx2) return pixels <= 1024;
  if (args.conv.kernel == 1) return false;
  return pixels <= 16 || (pixels <= 64 && args.conv.filters >= 256);
}

std::int64_t direct_conv_weight_words(const ConvSizes& conv, ActivationType type) {
  return conv.filters * conv.taps() * conv.channels / values_a_word(type);
}

void direct_conv_cpu(const DirectConvArgs& args) {
  direct_conv_cpu(args, word_products(args.type));
}

void direct_conv_cpu(const DirectConvArgs& args, WordProducts products) {
#ifdef THALWEG_AVX512
  if (args.conv.num_images == 0) return;
  if (products == WordProducts::kTiles) return tile_conv_cpu(args);
  if (products == WordProducts::kAvx2) return avx2_conv_cpu(args);
  avx512_conv_cpu(args);
#endif
}

}  // namespace thalweg
