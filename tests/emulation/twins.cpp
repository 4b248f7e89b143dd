// In this program the CPU functions run the emulated CUDA kernels, so the tests of the former test the latter.
#include "kernels/augment.h"
#include "kernels/cross_entropy.h"
#include "kernels/head.h"
#include "kernels/loss.h"
#include "kernels/materialise.h"
#include "kernels/norm.h"
#include "kernels/optimizer.h"
#include "kernels/overflow.h"
#include "kernels/pool.h"
#include "kernels/theory.h"

namespace thalweg {

void make_batch_cpu(const BatchArgs& args) {
  make_batch_cuda(args, nullptr);
}

void cross_entropy_cpu(const CrossEntropyArgs& args) {
  cross_entropy_cuda(args, nullptr);
}

void head_losses_cpu(const HeadArgs& args) {
  head_losses_cuda(args, nullptr);
}

void image_losses_cpu(const LossArgs& args) {
  image_losses_cuda(args, nullptr);
}

LossSums sum_losses_cpu(const double* losses, const std::int32_t* correct, std::int64_t num_images) {
  LossSums sums;
  sum_losses_cuda(losses, correct, num_images, &sums, nullptr);
  return sums;
}

void materialise_cpu(const MaterialiseArgs& args) {
  materialise_cuda(args, nullptr);
}

void plane_weights_cpu(const PlaneWeightsArgs& args) {
  plane_weights_cuda(args, nullptr);
}

void norm_forward_cpu(const NormForwardArgs& args) {
  norm_forward_cuda(args, nullptr);
}

void norm_backward_cpu(const NormBackwardArgs& args) {
  norm_backward_cuda(args, nullptr);
}

void update_cpu(const UpdateArgs& args) {
  update_cuda(args, nullptr);
}

void find_overflow_cpu(const OverflowArgs& args) {
  find_overflow_cuda(args, nullptr);
}

void max_pool_cpu(const PoolArgs& args) {
  max_pool_cuda(args, nullptr);
}

void run_theory_cpu(const TheoryArgs<float>& args) {
  run_theory_cuda(args, nullptr);
}

void run_theory_cpu(const TheoryArgs<double>& args) {
  run_theory_cuda(args, nullptr);
}

}  // namespace thalweg
