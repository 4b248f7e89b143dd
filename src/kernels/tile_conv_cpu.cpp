// Direct convolution with AMX tiles (kernels/amx.h). The rows of a tile are images: at each pixel of the result, 32
// images and 32 output channels are summed over taps and input channels in registers. To this end, the input of each
// group of 32 images is rearranged to
//
//   [pixel][inputs / 32][32 images][32 channels]
//
// a few rows of the image at a time, as many as fit in the L2 cache.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>

#include "kernels/amx.h"
#include "kernels/direct_conv_parts.h"

namespace thalweg {

#ifdef THALWEG_AVX512
namespace {

constexpr std::int64_t kImages = 32;  // per group
constexpr std::int64_t kOutputs = kTilePanel;
constexpr std::int64_t kChannels = 32;  // per block of input channels
constexpr std::int64_t kBlock = kImages * kChannels;
constexpr std::int64_t kBytesOfRows = 1 << 20;  // rearranged at a time

// The channels of one block, for one image.
struct alignas(kTileRowBytes) TileRow {
  BFloat16 values[kChannels];
};

// The input that a tap contributes to a pixel of the result.
struct Step {
  std::int64_t from_row, from_column;
  std::int64_t tap;
};

// Rows of the result that are computed together, and the end of the rows of the input that they need.
struct Band {
  std::int64_t begin, end;
  std::int64_t from_end;
};

struct TilePlan {
  std::vector<std::vector<Step>> steps;  // by pixel of the result
  std::vector<Band> bands;
  std::int64_t rows_kept = 1;  // rows of the input held at a time, at most
};

TilePlan plan_of(const DirectConvArgs& args) {
  const ConvProduct product(args);
  TilePlan plan;
  plan.steps.resize(static_cast<std::size_t>(product.to_pixels));
  const auto connected = connected_pixels(args);
  for (std::vector<Step>& steps : plan.steps) steps.reserve(connected.size());
  for (std::size_t tap = 0; tap < connected.size(); ++tap) {
    for (const PixelPair& pair : connected[tap]) {
      plan.steps[static_cast<std::size_t>(pair.to)].push_back(
          {pair.from / product.from_width, pair.from % product.from_width, static_cast<std::int64_t>(tap)});
    }
  }
  const std::int64_t row_bytes = product.from_width * product.inputs * kImages * 2;
  const std::int64_t most = std::max<std::int64_t>(1, kBytesOfRows / row_bytes);
  const std::int64_t to_rows = product.to_pixels / product.to_width;
  std::int64_t first = 0;  // first row of the input that the band needs
  for (std::int64_t row = 0; row < to_rows; ++row) {
    std::int64_t begin = product.from_pixels, end = 0;
    for (std::int64_t pixel = row * product.to_width; pixel < (row + 1) * product.to_width; ++pixel) {
      for (const Step& step : plan.steps[static_cast<std::size_t>(pixel)]) {
        begin = std::min(begin, step.from_row);
        end = std::max(end, step.from_row + 1);
      }
    }
    if (plan.bands.empty() || end - first > most) {
      plan.bands.push_back({row, row, plan.bands.empty() ? 0 : plan.bands.back().from_end});
      first = begin;
    }
    Band& band = plan.bands.back();
    band.end = row + 1;
    band.from_end = std::max(band.from_end, end);
    first = std::min(first, begin);
    plan.rows_kept = std::max(plan.rows_kept, band.from_end - first);
  }
  return plan;
}

// Computes some panels of output channels for a group of images.
class TileTask {
 public:
  TileTask(const DirectConvArgs& args, const TilePlan& plan)
      : args_(args),
        product_(args),
        plan_(plan),
        blocks_(product_.inputs / kChannels),
        row_size_(product_.from_width * blocks_ * kImages),
        rows_(std::make_unique_for_overwrite<TileRow[]>(static_cast<std::size_t>(plan.rows_kept * row_size_))) {}

  THALWEG_AMX void run(std::int64_t first_image, std::int64_t first_panel, std::int64_t end_panel) {
    const std::int64_t num_images = std::min(kImages, args_.conv.num_images - first_image);
    const WholeTiles tiles;
    std::int64_t laid = 0;
    for (const Band& band : plan_.bands) {
      for (; laid < band.from_end; ++laid) lay_row(laid, first_image, num_images);
      finish_writing_for_tiles(rows_.get());
      for (std::int64_t panel = first_panel; panel < end_panel; ++panel) {
        for (std::int64_t pixel = band.begin * product_.to_width; pixel < band.end * product_.to_width; ++pixel)
          make_pixel(pixel, panel, first_image, num_images);
      }
    }
  }

 private:
  BFloat16* row(std::int64_t from_row) const {
    return rows_[static_cast<std::size_t>(from_row % plan_.rows_kept * row_size_)].values;
  }

  THALWEG_AMX void lay_row(std::int64_t from_row, std::int64_t first_image, std::int64_t num_images) {
    const std::int64_t image = product_.from_pixels * product_.inputs;
    const auto* from = static_cast<const BFloat16*>(args_.from) + first_image * image +
                       from_row * product_.from_width * product_.inputs;
    BFloat16* to = row(from_row);
    for (std::int64_t column = 0; column < product_.from_width; ++column) {
      for (std::int64_t n = 0; n < kImages; ++n) {
        for (std::int64_t block = 0; block < blocks_; ++block) {
          const __m512i values =
              n < num_images ? _mm512_loadu_si512(from + n * image + block * kChannels) : _mm512_setzero_si512();
          _mm512_store_si512(to + block * kBlock + n * kChannels, values);
        }
      }
      from += product_.inputs;
      to += blocks_ * kBlock;
    }
  }

  THALWEG_AMX void make_pixel(std::int64_t pixel, std::int64_t panel, std::int64_t first_image,
                              std::int64_t num_images) const {
    const ConvWord* weights = args_.weights + panel * args_.conv.taps() * product_.words * kOutputs;
    clear_sums();
    for (const Step& step : plan_.steps[static_cast<std::size_t>(pixel)]) {
      add_tile_products(row(step.from_row) + step.from_column * blocks_ * kBlock,
                        weights + step.tap * product_.words * kOutputs, blocks_);
    }
    alignas(64) float sums[kImages * kOutputs];
    store_sums(sums, kOutputs);
    const std::int64_t image = product_.to_pixels * product_.outputs;
    std::int64_t at = first_image * image + pixel * product_.outputs + panel * kOutputs;
    for (std::int64_t n = 0; n < num_images; ++n, at += image)
      finish_sums<true, kOutputs>(args_, sums + n * kOutputs, at, panel * kOutputs);
  }

  const DirectConvArgs& args_;
  const ConvProduct product_;
  const TilePlan& plan_;
  const std::int64_t blocks_;    // of input channels
  const std::int64_t row_size_;  // tile rows per row of the input
  const std::unique_ptr<TileRow[]> rows_;
};

}  // namespace

void tile_conv_cpu(const DirectConvArgs& args) {
  const TilePlan plan = plan_of(args);
  const std::int64_t groups = (args.conv.num_images + kImages - 1) / kImages;
  const std::int64_t panels = ConvProduct(args).outputs / kOutputs;
  // Each part rearranges the images for itself, so there are only as many parts as keep the threads busy.
  const std::int64_t parts = std::clamp<std::int64_t>((at::get_num_threads() + groups - 1) / groups, 1, panels);
  at::parallel_for(0, groups * parts, 1, [&](std::int64_t begin, std::int64_t end) {
    TileTask task(args, plan);
    for (std::int64_t t = begin; t < end; ++t)
      task.run(t / parts * kImages, t % parts * panels / parts, (t % parts + 1) * panels / parts);
  });
}
#endif

}  // namespace thalweg
