// Formulas: kernels/head.h. One warp per image: its lanes share the computation of the features, which are kept in
// shared memory, then that of each class's sum; lane 0 computes the loss. A block has as many warps, up to kWarps, as
// the features leave room for. Bytes per image: its features once (2 KB for a half-precision VGG), weights from L1.
#include "kernels/head.h"
#include "kernels/launch.cuh"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kWarps = 4;
};

template <typename T>
__global__ void head_losses_kernel(HeadArgs args) {
  THALWEG_DYNAMIC_SHARED(float, shared);  // [warps, channels + num_classes]
  const int warp = static_cast<int>(threadIdx.y);
  const int lane = static_cast<int>(threadIdx.x);
  const std::int64_t n = static_cast<std::int64_t>(blockIdx.x) * blockDim.y + warp;
  if (n >= args.num_images) return;  // the whole warp
  float* features = shared + warp * (args.channels + args.num_classes);
  float* logits = features + args.channels;
  for (std::int64_t k = lane; k < args.channels; k += kHeadLanes) features[k] = head_feature<T>(args, n, k);
  __syncwarp();
  for (std::int64_t c = 0; c < args.num_classes; ++c) {
    float sum = head_partial<T>(args, features, c, lane);
    for (int half = kHeadLanes / 2; half > 0; half /= 2) sum += __shfl_down_sync(0xFFFFFFFFu, sum, half);
    if (lane == 0) logits[c] = sum + to_float(static_cast<const T*>(args.bias)[c]);
  }
  if (lane == 0) store_head(args, n, logits);
}

}  // namespace

void head_losses_cuda(const HeadArgs& args, cudaStream_t stream) {
  const auto bytes = static_cast<std::size_t>(args.channels + args.num_classes) * sizeof(float);
  int warps = Tuning::kWarps;
  while (warps > 1 && static_cast<std::size_t>(warps) * bytes > 48 * 1024) warps /= 2;
  const Geometry geometry{dim3(ceil_divide(args.num_images, warps)), dim3(kHeadLanes, static_cast<unsigned>(warps)),
                          static_cast<std::size_t>(warps) * bytes};
  const auto kernel = args.type == ActivationType::kFloat32    ? head_losses_kernel<float>
                      : args.type == ActivationType::kBFloat16 ? head_losses_kernel<BFloat16>
                                                               : head_losses_kernel<Float16>;
  launch("head_losses", kernel, geometry, stream, args);
}

}  // namespace thalweg
