#include <ATen/Parallel.h>

#include "kernels/augment.h"

namespace thalweg {

void make_batch_cpu(const BatchArgs& args) {
  at::parallel_for(0, args.num_images, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const std::int64_t index = args.indices[n];
      const Augmentation augmentation = draw_augmentation(args, index);
      float* out = args.out + n * args.height * args.width * args.channels;
      for (int y = 0; y < args.height; ++y) {
        for (int x = 0; x < args.width; ++x) {
          for (int c = 0; c < args.channels; ++c) *out++ = augmented_pixel(args, augmentation, index, c, y, x);
        }
      }
    }
  });
}

}  // namespace thalweg
