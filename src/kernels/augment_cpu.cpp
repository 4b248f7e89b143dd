// Processes one row of an image at a time: normalised pixel values come from a lookup table, and the image's
// augmentation is drawn outside the loops over its pixels.
#include <algorithm>
#include <array>
#include <type_traits>
#include <vector>

#include <ATen/Parallel.h>

#include "kernels/augment.h"

namespace thalweg {
namespace {

// The normalised value of each pixel value, per channel: [C].
using PixelTable = std::vector<std::array<float, 256>>;

PixelTable make_table(const BatchArgs& args) {
  PixelTable table(static_cast<std::size_t>(args.channels));
  for (std::size_t c = 0; c < table.size(); ++c) {
    for (std::size_t v = 0; v < 256; ++v) table[c][v] = static_cast<float>(v) * args.scale[c] + args.shift[c];
  }
  return table;
}

// The index of an image, and its augmentation.
struct Source {
  std::int64_t index;
  Augmentation augmentation;
};

// Writes row y of a channel, augmented; consecutive values are `stride` apart.
void make_row(const BatchArgs& args, const PixelTable& table, const Source& source, int channel, int y, float* row,
              int stride) {
  const Augmentation& a = source.augmentation;
  const int width = args.width, from_y = y + a.dy;
  const auto blank = [&](int begin, int end) {
    for (int x = begin; x < end; ++x) row[x * stride] = 0;
  };
  if (from_y < 0 || from_y >= args.height) return blank(0, width);
  const int begin = std::clamp(-a.dx, 0, width), end = std::clamp(width - a.dx, 0, width);
  blank(0, begin);
  blank(end, width);
  const std::uint8_t* from = args.images + ((source.index * args.channels + channel) * args.height + from_y) * width;
  const std::array<float, 256>& value_of = table[static_cast<std::size_t>(channel)];
  if (a.flip) {
    for (int x = begin; x < end; ++x) row[x * stride] = value_of[from[width - 1 - (x + a.dx)]];
  } else {
    for (int x = begin; x < end; ++x) row[x * stride] = value_of[from[x + a.dx]];
  }
  if (y >= a.cut_y0 && y < a.cut_y1) blank(std::max(a.cut_x0, 0), std::min(a.cut_x1, width));
}

template <typename T>
void make_image(const BatchArgs& args, const PixelTable& table, std::int64_t n) {
  const std::int64_t index = batch_index(args, args.first + n);
  const Source source{index, draw_augmentation(args, index)};
  const std::int64_t partner = args.mixup ? partner_index(args, args.first + n) : 0;
  const Source other{partner, args.mixup ? draw_augmentation(args, partner) : Augmentation()};
  if (args.out_labels) args.out_labels[n] = args.labels[index];
  if (args.mixup) args.out_partners[n] = args.labels[partner];
  const int channels = stored_channels(args), width = args.width;
  const int stride = args.planar ? 1 : channels, plane = args.planar ? args.height * width : 1;
  T* out = static_cast<T*>(args.out) + n * args.height * width * channels;
  const bool as_it_is = std::is_same_v<T, float> && !args.mixup;
  std::vector<float> rows(as_it_is ? 0 : static_cast<std::size_t>(2 * width));
  for (int y = 0; y < args.height; ++y) {
    for (int c = 0; c < channels; ++c) {
      T* to = out + c * plane + y * width * stride;
      if (c >= args.channels) {
        for (int x = 0; x < width; ++x) store(to[x * stride], 0.0f);
        continue;
      }
      if (as_it_is) {
        make_row(args, table, source, c, y, reinterpret_cast<float*>(to), stride);
        continue;
      }
      float *row = rows.data(), *mixed_in = row + width;
      make_row(args, table, source, c, y, row, 1);
      if (args.mixup) {
        make_row(args, table, other, c, y, mixed_in, 1);
        for (int x = 0; x < width; ++x) row[x] = mixed(args, row[x], mixed_in[x]);
      }
      for (int x = 0; x < width; ++x) store(to[x * stride], row[x]);
    }
  }
}

}  // namespace

void make_batch_cpu(const BatchArgs& args) {
  const auto make = args.type == ActivationType::kFloat32    ? make_image<float>
                    : args.type == ActivationType::kBFloat16 ? make_image<BFloat16>
                                                             : make_image<Float16>;
  const PixelTable table = make_table(args);
  at::parallel_for(0, args.num_images, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) make(args, table, n);
  });
}

}  // namespace thalweg
