// Gathers a batch of uint8 images, normalises and augments them.
//
// The augmentation of an image is a function of (seed, epoch, image index) alone, so it is the same in any batch,
// order, device or process. Crop: the image is padded by `crop_padding` on each side with zeros (in normalised units,
// as usual) and a window of the original size is taken. Flip: the image is mirrored horizontally with probability 1/2.
// Cutout (DeVries & Taylor 2017): a square of side `cutout` around a random pixel, clipped at the border, is set to 0.
//
// Mixup (Zhang et al. 2018): image n of a batch of N is mixed with image N - 1 - n, each augmented independently:
// mix * x_n + (1 - mix) * x_(N-1-n). The pairs are random because the order of an epoch is. A slice of a batch has the
// same pairs as the whole batch.
#pragma once

#include <cstdint>

#include "base/cuda.h"
#include "base/rng.h"
#include "kernels/activation.h"
#include "kernels/step_control.h"

namespace thalweg {

struct AugmentSpec {
  int crop_padding = 0;
  bool flip = false;
  int cutout = 0;
};

struct BatchArgs {
  const std::uint8_t* images = nullptr;   // [total, C, H, W]
  const std::int64_t* labels = nullptr;   // [total]
  const std::int64_t* indices = nullptr;  // indices of the batch's images, or an epoch's order
  std::int64_t num_images = 0;            // number of images to make
  std::int64_t first = 0;                 // position in the batch of the first image to make
  std::int64_t batch_size = 0;            // for mixup: N, the size of the whole batch
  int channels = 0, height = 0, width = 0;
  int out_channels = 0;          // channels of `out`, at least `channels`, the extra ones zero; 0: `channels`
  const float* scale = nullptr;  // [C]: x = pixel * scale + shift, i.e. 1 / (255 std) and -mean / std
  const float* shift = nullptr;  // [C]
  AugmentSpec augment;
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0;
  const StepControl* control = nullptr;  // if set, gives epoch, position of the batch and mixup share
  bool mixup = false;                    // needs `control`
  ActivationType type = ActivationType::kFloat32;
  bool planar = false;                   // `out` is channels-first, not channels-last
  void* out = nullptr;                   // [num_images, H, W, out_channels], planar: [num_images, out_channels, H, W]
  std::int64_t* out_labels = nullptr;    // [num_images], or nullptr
  std::int64_t* out_partners = nullptr;  // [num_images] labels of the images mixed in, with mixup
};

// The augmentation of one image.
struct Augmentation {
  int dx = 0, dy = 0;                                  // pixel (y, x) of the result comes from (y + dy, x + dx)
  bool flip = false;                                   // mirrors the image before the shift: x -> width - 1 - x
  int cut_x0 = 0, cut_x1 = 0, cut_y0 = 0, cut_y1 = 0;  // square set to 0, half-open
};

THALWEG_HD inline int stored_channels(const BatchArgs& args) {
  return args.out_channels > 0 ? args.out_channels : args.channels;
}

// Returns the index of image number n of the batch.
THALWEG_HD inline std::int64_t batch_index(const BatchArgs& args, std::int64_t n) {
  return args.indices[n + (args.control ? args.control->position : 0)];
}

// Returns the index of the image that is mixed into image number n of the batch.
THALWEG_HD inline std::int64_t partner_index(const BatchArgs& args, std::int64_t n) {
  return batch_index(args, args.batch_size - 1 - n);
}

THALWEG_HD inline Augmentation draw_augmentation(const BatchArgs& args, std::int64_t index) {
  Augmentation result;
  const std::uint32_t epoch = args.control ? args.control->epoch : args.epoch;
  Philox stream(args.seed, RngPurpose::kAugment, epoch, static_cast<std::uint32_t>(index));
  // Always makes five draws in this order, so that enabling one augmentation does not change the others.
  const std::uint32_t span = static_cast<std::uint32_t>(2 * args.augment.crop_padding + 1);
  result.dx = static_cast<int>(stream.below(span)) - args.augment.crop_padding;
  result.dy = static_cast<int>(stream.below(span)) - args.augment.crop_padding;
  result.flip = stream.below(2) == 1 && args.augment.flip;
  const int center_x = static_cast<int>(stream.below(static_cast<std::uint32_t>(args.width)));
  const int center_y = static_cast<int>(stream.below(static_cast<std::uint32_t>(args.height)));
  if (args.augment.cutout > 0) {
    result.cut_x0 = center_x - args.augment.cutout / 2;
    result.cut_y0 = center_y - args.augment.cutout / 2;
    result.cut_x1 = result.cut_x0 + args.augment.cutout;
    result.cut_y1 = result.cut_y0 + args.augment.cutout;
  }
  return result;
}

THALWEG_HD inline float augmented_pixel(const BatchArgs& args, const Augmentation& a, std::int64_t index, int channel,
                                        int y, int x) {
  if (x >= a.cut_x0 && x < a.cut_x1 && y >= a.cut_y0 && y < a.cut_y1) return 0.0f;
  const int sy = y + a.dy;
  int sx = x + a.dx;
  if (sy < 0 || sy >= args.height || sx < 0 || sx >= args.width) return 0.0f;
  if (a.flip) sx = args.width - 1 - sx;
  const std::int64_t offset = ((index * args.channels + channel) * args.height + sy) * args.width + sx;
  return static_cast<float>(args.images[offset]) * args.scale[channel] + args.shift[channel];
}

THALWEG_HD inline float mixed(const BatchArgs& args, float first, float second) {
  return args.control->mix * first + (1.0f - args.control->mix) * second;
}

void make_batch_cpu(const BatchArgs& args);
void make_batch_cuda(const BatchArgs& args, cudaStream_t stream);

}  // namespace thalweg
