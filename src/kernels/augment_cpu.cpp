#include <ATen/Parallel.h>

#include "kernels/augment.h"

namespace thalweg {
namespace {

template <typename T>
void make_image(const BatchArgs& args, std::int64_t n) {
  const std::int64_t index = batch_index(args, n);
  const Augmentation augmentation = draw_augmentation(args, index);
  const std::int64_t partner = args.mixup ? batch_index(args, args.num_images - 1 - n) : 0;
  const Augmentation other = args.mixup ? draw_augmentation(args, partner) : Augmentation();
  if (args.out_labels) args.out_labels[n] = args.labels[index];
  if (args.mixup) args.out_partners[n] = args.labels[partner];
  T* out = static_cast<T*>(args.out) + n * args.height * args.width * args.channels;
  for (int y = 0; y < args.height; ++y) {
    for (int x = 0; x < args.width; ++x) {
      for (int c = 0; c < args.channels; ++c) {
        float value = augmented_pixel(args, augmentation, index, c, y, x);
        if (args.mixup) value = mixed(args, value, augmented_pixel(args, other, partner, c, y, x));
        store(*out++, value);
      }
    }
  }
}

}  // namespace

void make_batch_cpu(const BatchArgs& args) {
  at::parallel_for(0, args.num_images, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      args.type == ActivationType::kFloat32 ? make_image<float>(args, n) : make_image<BFloat16>(args, n);
    }
  });
}

}  // namespace thalweg
