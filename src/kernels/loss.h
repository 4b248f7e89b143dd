// Cross-entropy and accuracy of a batch of logits, per image, and their sums in a fixed order.
//
//   loss_n = log(sum_c exp(z_nc - m)) + m - z_n,label   with m = max_c z_nc      (nats; double on both devices)
//   correct_n = 1 if the first largest logit is the label's; a NaN among the logits makes loss NaN and correct 0
//   margin_n = z_n,label - max_{c != label} z_nc     (float; NaN if a logit is; infinite with a single class)
// Sums are taken in a fixed order (a function of N alone), so they do not depend on how the images were split into
// batches.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/cuda.h"

namespace thalweg {

struct LossArgs {
  const float* logits = nullptr;         // [N, num_classes] row-major
  const std::int64_t* labels = nullptr;  // [N]
  std::int64_t num_images = 0;           // N
  std::int64_t num_classes = 0;
  double* losses = nullptr;         // [N] out
  std::int32_t* correct = nullptr;  // [N] out
  float* margins = nullptr;         // [N] out, or nullptr
};

struct LossSums {
  double loss = 0;  // sum over images
  std::int64_t correct = 0;
};

struct ImageLoss {
  double loss;
  std::int32_t correct;
  float margin;
};

THALWEG_HD inline ImageLoss image_loss(const float* logits, std::int64_t num_classes, std::int64_t label) {
  std::int64_t best = 0;
  bool nan = false;
  float rival = -INFINITY;  // largest logit that is not the label's
  for (std::int64_t c = 0; c < num_classes; ++c) {
    nan = nan || logits[c] != logits[c];
    if (logits[c] > logits[best]) best = c;
    if (c != label && logits[c] > rival) rival = logits[c];
  }
  const double largest = logits[best];
  double sum = 0;
  for (std::int64_t c = 0; c < num_classes; ++c) sum += exp(logits[c] - largest);
  return {log(sum) + (largest - logits[label]), !nan && best == label ? 1 : 0, nan ? NAN : logits[label] - rival};
}

void image_losses_cpu(const LossArgs& args);
void image_losses_cuda(const LossArgs& args, cudaStream_t stream);
// Returns the sums of N per-image values. The CUDA version reads device memory and writes one LossSums to device
// memory.
LossSums sum_losses_cpu(const double* losses, const std::int32_t* correct, std::int64_t num_images);
void sum_losses_cuda(const double* losses, const std::int32_t* correct, std::int64_t num_images, LossSums* out,
                     cudaStream_t stream);

}  // namespace thalweg
