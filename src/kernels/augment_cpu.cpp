// A row of an image at a time: what a pixel becomes is looked up, and all that is drawn for the image is settled outside
// the loops over its pixels.
#include <algorithm>
#include <array>
#include <type_traits>
#include <vector>

#include <ATen/Parallel.h>

#include "kernels/augment.h"

namespace thalweg {
namespace {

// What each value of a pixel is, normalised: [C].
using PixelTable = std::vector<std::array<float, 256>>;

PixelTable make_table(const BatchArgs& args) {
  PixelTable table(static_cast<std::size_t>(args.channels));
  for (std::size_t c = 0; c < table.size(); ++c) {
    for (std::size_t v = 0; v < 256; ++v) table[c][v] = static_cast<float>(v) * args.scale[c] + args.shift[c];
  }
  return table;
}

// Row y of image `index`, augmented: [W, C].
void make_row(const BatchArgs& args, const PixelTable& table, const Augmentation& a, std::int64_t index, int y,
              float* row) {
  const int width = args.width, channels = args.channels, from_y = y + a.dy;
  const auto blank = [&](int begin, int end) {
    if (begin < end) std::fill(row + begin * channels, row + end * channels, 0.0f);
  };
  if (from_y < 0 || from_y >= args.height) return blank(0, width);
  const int begin = std::clamp(-a.dx, 0, width), end = std::clamp(width - a.dx, 0, width);
  blank(0, begin);
  blank(end, width);
  for (int c = 0; c < channels; ++c) {
    const std::uint8_t* from = args.images + ((index * channels + c) * args.height + from_y) * width;
    const std::array<float, 256>& value_of = table[static_cast<std::size_t>(c)];
    if (a.flip) {
      for (int x = begin; x < end; ++x) row[x * channels + c] = value_of[from[width - 1 - (x + a.dx)]];
    } else {
      for (int x = begin; x < end; ++x) row[x * channels + c] = value_of[from[x + a.dx]];
    }
  }
  if (y >= a.cut_y0 && y < a.cut_y1) blank(std::max(a.cut_x0, 0), std::min(a.cut_x1, width));
}

template <typename T>
void make_image(const BatchArgs& args, const PixelTable& table, std::int64_t n) {
  const std::int64_t index = batch_index(args, args.first + n);
  const Augmentation augmentation = draw_augmentation(args, index);
  const std::int64_t partner = args.mixup ? partner_index(args, args.first + n) : 0;
  const Augmentation other = args.mixup ? draw_augmentation(args, partner) : Augmentation();
  if (args.out_labels) args.out_labels[n] = args.labels[index];
  if (args.mixup) args.out_partners[n] = args.labels[partner];
  const int channels = stored_channels(args);
  const std::ptrdiff_t row_size = args.width * args.channels;
  std::vector<float> rows(static_cast<std::size_t>(2 * row_size));
  T* out = static_cast<T*>(args.out) + n * args.height * args.width * channels;
  const bool as_it_is = std::is_same_v<T, float> && channels == args.channels && !args.mixup;
  for (int y = 0; y < args.height; ++y) {
    float* row = as_it_is ? reinterpret_cast<float*>(out) : rows.data();
    make_row(args, table, augmentation, index, y, row);
    if (as_it_is) {
      out += row_size;
      continue;
    }
    if (args.mixup) {
      make_row(args, table, other, partner, y, row + row_size);
      for (std::ptrdiff_t i = 0; i < row_size; ++i) row[i] = mixed(args, row[i], row[row_size + i]);
    }
    for (int x = 0; x < args.width; ++x) {
      for (int c = 0; c < args.channels; ++c) store(*out++, *row++);
      for (int c = args.channels; c < channels; ++c) store(*out++, 0.0f);
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
