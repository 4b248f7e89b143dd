// The training loss and its gradient with respect to the logits, and the metrics of the batch.
//
//   target_c = (1 - s) * (m * [c = label] + (1 - m) * [c = other_label]) + s / num_classes      s: label smoothing
//   loss_n = - sum_c target_c * log p_nc,   p = softmax(z_n)          (as torch.nn.functional.cross_entropy)
//   gradient_nc = (p_nc - target_c) / batch_size                                 of the mean over the batch
// Correct answers are counted against `labels`, as in kernels/loss.h. Sums are in double and have a fixed order.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/cuda.h"

namespace thalweg {

struct CrossEntropyArgs {
  const float* logits = nullptr;               // [N, num_classes]
  const std::int64_t* labels = nullptr;        // [N]
  const std::int64_t* other_labels = nullptr;  // [N] of the images mixed in (mixup), or nullptr
  const float* mix = nullptr;                  // m, the weight of `labels`: one number; nullptr: 1
  std::int64_t num_images = 0;                 // N
  std::int64_t batch_size = 0;                 // images that the mean is over: N, or more if these are a slice
  std::int64_t num_classes = 0;
  double smoothing = 0;
  float* gradient = nullptr;  // [N, num_classes] out
  double* sums = nullptr;     // [3], added to: sum of losses, correct answers, N
  float* loss = nullptr;      // added to: sum of losses / batch_size
};

struct TrainLoss {
  double loss;
  int correct;
};

// Returns the loss of image n and writes its row of the gradient.
THALWEG_HD inline TrainLoss cross_entropy_row(const CrossEntropyArgs& args, std::int64_t n) {
  const float* z = args.logits + n * args.num_classes;
  std::int64_t best = 0;
  bool nan = false;
  for (std::int64_t c = 0; c < args.num_classes; ++c) {
    nan = nan || z[c] != z[c];
    if (z[c] > z[best]) best = c;
  }
  const double largest = z[best];
  double sum = 0;
  for (std::int64_t c = 0; c < args.num_classes; ++c) sum += exp(z[c] - largest);
  const double log_sum = log(sum);
  const double share = args.mix ? static_cast<double>(*args.mix) : 1.0;
  double loss = 0;
  for (std::int64_t c = 0; c < args.num_classes; ++c) {
    double hit = c == args.labels[n] ? share : 0.0;
    if (args.other_labels && c == args.other_labels[n]) hit += 1.0 - share;
    const double target = (1.0 - args.smoothing) * hit + args.smoothing / static_cast<double>(args.num_classes);
    const double log_p = z[c] - largest - log_sum;
    if (target != 0) loss -= target * log_p;
    args.gradient[n * args.num_classes + c] =
        static_cast<float>((exp(log_p) - target) / static_cast<double>(args.batch_size));
  }
  return {loss, !nan && best == args.labels[n] ? 1 : 0};
}

void cross_entropy_cpu(const CrossEntropyArgs& args);
void cross_entropy_cuda(const CrossEntropyArgs& args, cudaStream_t stream);

}  // namespace thalweg
