// Formula: kernels/loss.h.
// image_losses_kernel: one thread per image (10 to 100 logits: a row is a few cache lines).
// sum_losses_kernel: one block; thread t adds images t, t + 1024, ... in order, then a tree adds the threads' sums: the
//   order depends on N alone.
#include "kernels/launch.cuh"
#include "kernels/loss.h"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kLossThreads = 128;
  static constexpr int kSumThreads = 1024;
};

__global__ void image_losses_kernel(LossArgs args) {
  const std::int64_t n = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (n >= args.num_images) return;
  const ImageLoss value = image_loss(args.logits + n * args.num_classes, args.num_classes, args.labels[n]);
  args.losses[n] = value.loss;
  args.correct[n] = value.correct;
  if (args.margins != nullptr) args.margins[n] = value.margin;
}

__global__ void __launch_bounds__(Tuning::kSumThreads)
    sum_losses_kernel(const double* losses, const std::int32_t* correct, std::int64_t num_images, LossSums* out) {
  __shared__ double loss[Tuning::kSumThreads];
  __shared__ std::int64_t right[Tuning::kSumThreads];
  const int t = static_cast<int>(threadIdx.x);
  loss[t] = 0;
  right[t] = 0;
  for (std::int64_t n = t; n < num_images; n += Tuning::kSumThreads) {
    loss[t] += losses[n];
    right[t] += correct[n];
  }
  for (int half = Tuning::kSumThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) {
      loss[t] += loss[t + half];
      right[t] += right[t + half];
    }
  }
  if (t == 0) *out = {loss[0], right[0]};
}

}  // namespace

void image_losses_cuda(const LossArgs& args, cudaStream_t stream) {
  const Geometry geometry{dim3(ceil_divide(args.num_images, Tuning::kLossThreads)), dim3(Tuning::kLossThreads)};
  launch("image_losses", image_losses_kernel, geometry, stream, args);
}

void sum_losses_cuda(const double* losses, const std::int32_t* correct, std::int64_t num_images, LossSums* out,
                     cudaStream_t stream) {
  launch("sum_losses", sum_losses_kernel, {dim3(1), dim3(Tuning::kSumThreads)}, stream, losses, correct, num_images,
         out);
}

}  // namespace thalweg
