// Formula and layouts: kernels/materialise.h.
// materialise_kernel: grid (kMaxRowBlocks, segments, points). A block takes every kMaxRowBlocks-th row of one segment;
//   its threads walk a row's outputs in output order, so that writes coalesce (adjacent channels of a tap are read
//   `taps` elements apart, from L2).
// plane_weights_kernel: grid (elements, points), one thread per element, strided.
// Bytes moved per point: 12 P read (mostly from L2 for the second and later points), 4 P or 2 P written.
#include "kernels/launch.cuh"
#include "kernels/materialise.h"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kThreads = 256;
  static constexpr int kMaxRowBlocks = 512;  // blocks stride over further rows; VGG's widest layer has 512
};

template <typename T>
__global__ void materialise_kernel(MaterialiseArgs args) {
  const FoldSegment s = args.segments[blockIdx.y];
  const int point = static_cast<int>(blockIdx.z);
  const float a = args.coordinates[2 * point];
  const float b = args.coordinates[2 * point + 1];
  const float* buffers = args.buffers + point * args.buffer_stride;
  T* out = static_cast<T*>(args.out) + point * args.out_stride;
  const std::int64_t length = s.out_channels * s.taps;
  bool overflowed = false;
  for (std::int64_t row = blockIdx.x; row < s.rows; row += gridDim.x) {
    const double scale = fold_scale(s, args.plane, a, b, buffers, row);
    if (threadIdx.x == 0)
      overflowed |= store_checked(out[s.out_bias + row], fold_bias(s, args.plane, a, b, buffers, row, scale));
    for (std::int64_t i = threadIdx.x; i < length; i += blockDim.x) {
      const float w = fold_weight(s, args.plane, a, b, row, i / s.out_channels, i % s.out_channels, scale);
      overflowed |= store_checked(out[s.out_weight + row * length + i], w);
    }
  }
  if (overflowed && args.overflowed != nullptr) args.overflowed[point] = 1;  // several threads may write: always 1
}

__global__ void plane_weights_kernel(PlaneWeightsArgs args) {
  const int point = static_cast<int>(blockIdx.y);
  const float a = args.coordinates[2 * point];
  const float b = args.coordinates[2 * point + 1];
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < args.num_parameters;
       i += step) {
    args.out[point * args.num_parameters + i] = plane_weight(args.plane, a, b, i);
  }
}

}  // namespace

void materialise_cuda(const MaterialiseArgs& args, cudaStream_t stream) {
  if (args.num_points == 0 || args.num_segments == 0) return;
  const dim3 grid(Tuning::kMaxRowBlocks, static_cast<unsigned>(args.num_segments),
                  static_cast<unsigned>(args.num_points));
  const auto kernel = args.type == ActivationType::kFloat32    ? materialise_kernel<float>
                      : args.type == ActivationType::kBFloat16 ? materialise_kernel<BFloat16>
                                                               : materialise_kernel<Float16>;
  launch("materialise", kernel, {grid, dim3(Tuning::kThreads)}, stream, args);
}

void plane_weights_cuda(const PlaneWeightsArgs& args, cudaStream_t stream) {
  if (args.num_points == 0 || args.num_parameters == 0) return;
  const dim3 grid(ceil_divide(args.num_parameters, 4 * Tuning::kThreads), static_cast<unsigned>(args.num_points));
  launch("plane_weights", plane_weights_kernel, {grid, dim3(Tuning::kThreads)}, stream, args);
}

}  // namespace thalweg
