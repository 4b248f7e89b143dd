// Formula: kernels/sgd.h. One thread an element; 16 bytes read and 8 written a parameter.
#include "kernels/launch.cuh"
#include "kernels/sgd.h"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kThreads = 256;
};

__global__ void sgd_step_kernel(SgdArgs args) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < args.num_parameters) sgd_update(args, i);
}

}  // namespace

void sgd_step_cuda(const SgdArgs& args, cudaStream_t stream) {
  const Geometry geometry{dim3(ceil_divide(args.num_parameters, Tuning::kThreads)), dim3(Tuning::kThreads)};
  launch("sgd_step", sgd_step_kernel, geometry, stream, args);
}

}  // namespace thalweg
