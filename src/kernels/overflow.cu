// Definition: kernels/overflow.h. A strided loop over the elements; every thread that finds an overflow writes the
// same 1. Reads each value once.
#include "kernels/launch.cuh"
#include "kernels/overflow.h"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kThreads = 256;
  static constexpr std::int64_t kPerThread = 16;
};

template <typename T>
__global__ void find_overflow_kernel(OverflowArgs args) {
  const T* x = static_cast<const T*>(args.values);
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  bool found = false;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < args.n; i += step) {
    found |= is_beyond(to_float(x[i]), args.limit);
  }
  if (found) *args.flag = 1;
}

}  // namespace

void find_overflow_cuda(const OverflowArgs& args, cudaStream_t stream) {
  const auto kernel = args.type == ActivationType::kFloat32    ? find_overflow_kernel<float>
                      : args.type == ActivationType::kBFloat16 ? find_overflow_kernel<BFloat16>
                                                               : find_overflow_kernel<Float16>;
  const Geometry geometry{dim3(ceil_divide(args.n, Tuning::kThreads * Tuning::kPerThread)), dim3(Tuning::kThreads)};
  launch("find_overflow", kernel, geometry, stream, args);
}

}  // namespace thalweg
