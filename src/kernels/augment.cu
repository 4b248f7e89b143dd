// Definition: kernels/augment.h. One block an image; threads walk its output values in memory order (channels-last).
// Bytes: C*H*W read, 4*C*H*W written an image.
#include "kernels/augment.h"
#include "kernels/launch.cuh"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kThreads = 256;
};

__global__ void make_batch_kernel(BatchArgs args) {
  const std::int64_t n = blockIdx.x;
  const std::int64_t index = args.indices[n];
  const Augmentation augmentation = draw_augmentation(args, index);
  const int size = args.channels * args.height * args.width;
  for (int i = static_cast<int>(threadIdx.x); i < size; i += static_cast<int>(blockDim.x)) {
    const int channel = i % args.channels;
    const int pixel = i / args.channels;
    args.out[n * size + i] =
        augmented_pixel(args, augmentation, index, channel, pixel / args.width, pixel % args.width);
  }
}

}  // namespace

void make_batch_cuda(const BatchArgs& args, cudaStream_t stream) {
  const Geometry geometry{dim3(static_cast<unsigned>(args.num_images)), dim3(Tuning::kThreads)};
  launch("make_batch", make_batch_kernel, geometry, stream, args);
}

}  // namespace thalweg
