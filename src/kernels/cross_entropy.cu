// Formulas: kernels/cross_entropy.h. A single block: thread t takes images t, t + kThreads, ..., then a tree adds the
// threads' sums, so the order is a function of N alone. One block is enough for a batch, which is at most some thousand
// rows of a few classes.
#include "kernels/cross_entropy.h"
#include "kernels/launch.cuh"

namespace thalweg {
namespace {

struct Tuning {
  static constexpr int kThreads = 512;
};

__global__ void cross_entropy_kernel(CrossEntropyArgs args) {
  __shared__ double losses[Tuning::kThreads];
  __shared__ int correct[Tuning::kThreads];
  const int t = static_cast<int>(threadIdx.x);
  losses[t] = 0;
  correct[t] = 0;
  for (std::int64_t n = t; n < args.num_images; n += Tuning::kThreads) {
    const TrainLoss row = cross_entropy_row(args, n);
    losses[t] += row.loss;
    correct[t] += row.correct;
  }
  for (int half = Tuning::kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) {
      losses[t] += losses[t + half];
      correct[t] += correct[t + half];
    }
  }
  if (t != 0) return;
  args.sums[0] += losses[0];
  args.sums[1] += static_cast<double>(correct[0]);
  args.sums[2] += static_cast<double>(args.num_images);
  *args.loss += static_cast<float>(losses[0] / static_cast<double>(args.batch_size));
}

}  // namespace

void cross_entropy_cuda(const CrossEntropyArgs& args, cudaStream_t stream) {
  launch("cross_entropy", cross_entropy_kernel, {dim3(1), dim3(Tuning::kThreads)}, stream, args);
}

}  // namespace thalweg
