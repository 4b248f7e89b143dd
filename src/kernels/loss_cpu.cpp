#include <ATen/Parallel.h>

#include "kernels/loss.h"

namespace thalweg {

void image_losses_cpu(const LossArgs& args) {
  at::parallel_for(0, args.num_images, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const ImageLoss value = image_loss(args.logits + n * args.num_classes, args.num_classes, args.labels[n]);
      args.losses[n] = value.loss;
      args.correct[n] = value.correct;
      if (args.margins != nullptr) args.margins[n] = value.margin;
    }
  });
}

LossSums sum_losses_cpu(const double* losses, const std::int32_t* correct, std::int64_t num_images) {
  LossSums sums;
  for (std::int64_t n = 0; n < num_images; ++n) {
    sums.loss += losses[n];
    sums.correct += correct[n];
  }
  return sums;
}

}  // namespace thalweg
