#include <ATen/Parallel.h>

#include "kernels/augment.h"

namespace thalweg {
namespace {

template <typename T>
void make_image(const BatchArgs& args, std::int64_t n) {
  const std::int64_t index = batch_index(args, args.first + n);
  const Augmentation augmentation = draw_augmentation(args, index);
  const std::int64_t partner = args.mixup ? partner_index(args, args.first + n) : 0;
  const Augmentation other = args.mixup ? draw_augmentation(args, partner) : Augmentation();
  if (args.out_labels) args.out_labels[n] = args.labels[index];
  if (args.mixup) args.out_partners[n] = args.labels[partner];
  const int channels = stored_channels(args);
  T* out = static_cast<T*>(args.out) + n * args.height * args.width * channels;
  for (int y = 0; y < args.height; ++y) {
    for (int x = 0; x < args.width; ++x) {
      for (int c = 0; c < args.channels; ++c) {
        float value = augmented_pixel(args, augmentation, index, c, y, x);
        if (args.mixup) value = mixed(args, value, augmented_pixel(args, other, partner, c, y, x));
        store(*out++, value);
      }
      for (int c = args.channels; c < channels; ++c) store(*out++, 0.0f);
    }
  }
}

}  // namespace

void make_batch_cpu(const BatchArgs& args) {
  const auto make = args.type == ActivationType::kFloat32    ? make_image<float>
                    : args.type == ActivationType::kBFloat16 ? make_image<BFloat16>
                                                             : make_image<Float16>;
  at::parallel_for(0, args.num_images, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) make(args, n);
  });
}

}  // namespace thalweg
