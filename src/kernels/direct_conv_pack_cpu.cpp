// Packs the weights of a direct convolution, in blocks of kSide input words by kSide output channels.
#include <ATen/Parallel.h>

#include "kernels/direct_conv_parts.h"
#include "kernels/transpose16.h"

namespace thalweg {

#ifdef THALWEG_AVX512
namespace {

constexpr std::int64_t kSide = 16;

// A block of a tap's weights: its first input word and output channel, and its destination, at which each input word
// has kSide output channels, `stride` words after those of the previous input word.
struct Block {
  std::int64_t tap, word, output;
  ConvWord* to;
  std::int64_t stride;  // from one input word to the next
};

// transpose16 without AVX-512 instructions.
void transpose16_plainly(const ConvWord* from, std::int64_t stride, ConvWord* to, std::int64_t to_stride) {
  for (std::int64_t j = 0; j < kSide; ++j) {
    for (std::int64_t i = 0; i < kSide; ++i) to[j * to_stride + i] = from[i * stride + j];
  }
}

// Packs words of the filters' input channels, which are copied as they are, to other places.
void pack_forward(const DirectConvArgs& args, const void* weight, WordProducts products, const Block& block) {
  const std::int64_t words = args.conv.channels / values_a_word(args.type), stride = args.conv.taps() * words;
  const ConvWord* from = static_cast<const ConvWord*>(weight) + block.output * stride + block.tap * words + block.word;
  const auto transpose = products == WordProducts::kAvx2 ? transpose16_plainly : transpose16;
  transpose(from, stride, block.to, block.stride);
}

// Packs words that combine two filters (in float32: one) at one input channel.
template <typename T>
THALWEG_INLINE void pack_filters(const DirectConvArgs& args, const T* weight, const Block& block) {
  const std::int64_t stride = args.conv.taps() * args.conv.channels;
  const T* from = weight + block.tap * args.conv.channels + block.output;
  for (std::int64_t word = 0; word < kSide; ++word) {
    ConvWord* __restrict to = block.to + word * block.stride;
    if constexpr (sizeof(T) == 4) {
      const T* __restrict filter = from + (block.word + word) * stride;
      for (std::int64_t c = 0; c < kSide; ++c) to[c] = bits_as<ConvWord>(filter[c]);
    } else {
      const T* __restrict first = from + 2 * (block.word + word) * stride;
      const T* __restrict second = first + stride;
      for (std::int64_t c = 0; c < kSide; ++c) to[c] = first[c].bits | static_cast<ConvWord>(second[c].bits) << 16;
    }
  }
}

THALWEG_SIMD void pack_input_gradient(const DirectConvArgs& args, const void* weight, const Block& block) {
  if (args.type == ActivationType::kFloat32) {
    pack_filters(args, static_cast<const float*>(weight), block);
  } else {
    pack_filters(args, static_cast<const BFloat16*>(weight), block);
  }
}

// Packs one tap's weights for one panel of output channels.
void pack_panel(const DirectConvArgs& args, const void* weight, WordProducts products, std::int64_t panel,
                std::int64_t tap, ConvWord* to) {
  const std::int64_t width = direct_conv_panel(products);
  const bool tiles = products == WordProducts::kTiles;
  const std::int64_t words = ConvProduct(args).words;
  for (std::int64_t word = 0; word < words; word += kSide) {
    for (std::int64_t k = 0; k < width; k += kSide) {
      const Block block{tap, word, panel * width + k, to + word * width + (tiles ? k * kSide : k),
                        tiles ? kSide : width};
      if (args.pass == DirectConvPass::kForward) {
        pack_forward(args, weight, products, block);
      } else {
        pack_input_gradient(args, weight, block);
      }
    }
  }
}

}  // namespace
#endif

void pack_direct_conv_weights(const DirectConvArgs& args, const void* weight, ConvWord* words) {
  pack_direct_conv_weights(args, weight, words, word_products(args.type));
}

void pack_direct_conv_weights(const DirectConvArgs& args, const void* weight, ConvWord* words, WordProducts products) {
#ifdef THALWEG_AVX512
  const ConvProduct product(args);
  const std::int64_t taps = args.conv.taps(), width = direct_conv_panel(products);
  at::parallel_for(0, product.outputs / width * taps, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      pack_panel(args, weight, products, t / taps, t % taps, words + t * product.words * width);
  });
#endif
}

}  // namespace thalweg
