// Formulas: kernels/optimizer.h. One thread per element. Per parameter SGD reads 16 bytes and writes 8, AdamW 20 and
// 12.
#include "kernels/launch.cuh"
#include "kernels/optimizer.h"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kThreads = 256;
};

__global__ void sgd_kernel(UpdateArgs args) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < args.num_parameters) sgd_update(args, i);
}

__global__ void adamw_kernel(UpdateArgs args) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < args.num_parameters) adamw_update(args, i);
}

}  // namespace

void update_cuda(const UpdateArgs& args, cudaStream_t stream) {
  const Geometry geometry{dim3(ceil_divide(args.num_parameters, Tuning::kThreads)), dim3(Tuning::kThreads)};
  const bool sgd = args.kind == OptimizerKind::kSgd;
  launch(sgd ? "sgd" : "adamw", sgd ? sgd_kernel : adamw_kernel, geometry, stream, args);
}

}  // namespace thalweg
