// The end of a network and its losses in one pass: average over the remaining pixels of the image, the last linear
// layer, then cross-entropy, correctness and margin (kernels/loss.h) of each image.
//
//   f_nk = sum_p x_npk / pixels     z_nc = bias_c + sum_k f_nk w_ck     (float32)
// Sums over k are taken as 32 partial sums, number l over k = l, l + 32, ..., added by a tree. An image's values depend
// on its features and the weights alone, so they have the same bits in any batch. Activations and weights are of one
// type.
#pragma once

#include <cstdint>

#include "base/cuda.h"
#include "kernels/activation.h"
#include "kernels/loss.h"

namespace thalweg {

struct HeadArgs {
  ActivationType type = ActivationType::kFloat32;
  const void* features = nullptr;        // [N, pixels, channels]
  const void* weight = nullptr;          // [num_classes, channels]
  const void* bias = nullptr;            // [num_classes]
  const std::int64_t* labels = nullptr;  // [N]
  std::int64_t num_images = 0;           // N
  std::int64_t pixels = 1;
  std::int64_t channels = 0;
  std::int64_t num_classes = 0;
  double* losses = nullptr;         // [N] out
  std::int32_t* correct = nullptr;  // [N] out
  float* margins = nullptr;         // [N] out
};

constexpr int kHeadLanes = 32;  // number of partial sums

// Whether the CUDA kernel can hold such a layer in shared memory (48 KB).
constexpr bool head_fits(std::int64_t channels, std::int64_t num_classes) {
  return (channels + num_classes) * static_cast<std::int64_t>(sizeof(float)) <= 48 * 1024;
}

template <typename T>
THALWEG_HD inline float head_feature(const HeadArgs& args, std::int64_t n, std::int64_t k) {
  const T* x = static_cast<const T*>(args.features) + n * args.pixels * args.channels + k;
  float sum = 0;
  for (std::int64_t p = 0; p < args.pixels; ++p) sum += to_float(x[p * args.channels]);
  return sum / static_cast<float>(args.pixels);
}

// Partial sum number `lane` of class `c`.
template <typename T>
THALWEG_HD inline float head_partial(const HeadArgs& args, const float* features, std::int64_t c, int lane) {
  const T* w = static_cast<const T*>(args.weight) + c * args.channels;
  float sum = 0;
  for (std::int64_t k = lane; k < args.channels; k += kHeadLanes) sum += features[k] * to_float(w[k]);
  return sum;
}

THALWEG_HD inline void store_head(const HeadArgs& args, std::int64_t n, const float* logits) {
  const ImageLoss value = image_loss(logits, args.num_classes, args.labels[n]);
  args.losses[n] = value.loss;
  args.correct[n] = value.correct;
  args.margins[n] = value.margin;
}

void head_losses_cpu(const HeadArgs& args);
void head_losses_cuda(const HeadArgs& args, cudaStream_t stream);

}  // namespace thalweg
