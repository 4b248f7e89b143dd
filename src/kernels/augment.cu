// Definition: kernels/augment.h. Several blocks per image, so that a batch of a few hundred images keeps a GPU busy;
// their threads walk its output values in memory order.
// Bytes per image: C*H*W read (twice that with mixup), 2 or 4 times out_channels*H*W written.
#include "kernels/augment.h"
#include "kernels/launch.cuh"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kThreads = 256;
  static constexpr int kBlocks = 4;  // per image
};

template <typename T>
__global__ void make_batch_kernel(BatchArgs args) {
  const std::int64_t n = blockIdx.x;
  const std::int64_t index = batch_index(args, args.first + n);
  const Augmentation augmentation = draw_augmentation(args, index);
  const std::int64_t partner = args.mixup ? partner_index(args, args.first + n) : 0;
  const Augmentation other = args.mixup ? draw_augmentation(args, partner) : Augmentation();
  const int first = static_cast<int>(blockIdx.y) * Tuning::kThreads + static_cast<int>(threadIdx.x);
  if (first == 0 && args.out_labels) args.out_labels[n] = args.labels[index];
  if (first == 0 && args.mixup) args.out_partners[n] = args.labels[partner];
  const int channels = stored_channels(args);
  const int pixels = args.height * args.width, size = channels * pixels;
  T* out = static_cast<T*>(args.out) + n * size;
  for (int i = first; i < size; i += Tuning::kBlocks * Tuning::kThreads) {
    const int c = args.planar ? i / pixels : i % channels;
    const int pixel = args.planar ? i % pixels : i / channels;
    const int y = pixel / args.width, x = pixel % args.width;
    if (c >= args.channels) {
      store(out[i], 0.0f);
      continue;
    }
    float value = augmented_pixel(args, augmentation, index, c, y, x);
    if (args.mixup) value = mixed(args, value, augmented_pixel(args, other, partner, c, y, x));
    store(out[i], value);
  }
}

}  // namespace

void make_batch_cuda(const BatchArgs& args, cudaStream_t stream) {
  const Geometry geometry{dim3(static_cast<unsigned>(args.num_images), Tuning::kBlocks), dim3(Tuning::kThreads)};
  const auto kernel = args.type == ActivationType::kFloat32    ? make_batch_kernel<float>
                      : args.type == ActivationType::kBFloat16 ? make_batch_kernel<BFloat16>
                                                               : make_batch_kernel<Float16>;
  launch("make_batch", kernel, geometry, stream, args);
}

}  // namespace thalweg
