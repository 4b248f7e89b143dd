// Computes the weights of B points of a plane at once, in the layout that an evaluator needs:
//
//   w(p) = origin + a_p * d1 + b_p * d2               (float32; contracted to multiply-adds on a GPU)
// and folds each batch norm into the convolution or linear layer that it follows:
//   s_k = gamma_k / sqrt(var_k + eps),  W'_k = W_k * s_k,  bias'_k = beta_k + (bias_k - mean_k) * s_k
// with gamma, beta, bias and W all taken at w(p). Folding is done in double and rounded to float32, then to the
// requested type. Convolution weights are written channels-last (K, R, S, C), with extra zero channels on request.
// Pointers are host memory for the CPU version, device memory for the CUDA kernel; nothing is allocated. Deterministic;
// a point's result does not depend on the other points of the batch.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/cuda.h"
#include "kernels/activation.h"

namespace thalweg {

// One layer: the offsets, in elements, of its tensors in w, in the buffers and in the output. -1: no such tensor.
struct FoldSegment {
  std::int64_t weight = 0;    // in w: [rows, channels, taps] row-major (taps = R * S; linear: taps = 1)
  std::int64_t rows = 0;      // output channels
  std::int64_t channels = 0;  // input channels
  std::int64_t taps = 1;
  std::int64_t bias = -1;         // in w: [rows]
  std::int64_t norm_weight = -1;  // in w: gamma [rows]; -1: no batch norm
  std::int64_t norm_bias = -1;    // in w: beta [rows]
  std::int64_t mean = -1;         // in the buffers [rows]
  std::int64_t var = -1;
  double eps = 0;
  std::int64_t out_weight = 0;    // in the output: [rows, taps, out_channels]
  std::int64_t out_channels = 0;  // at least `channels`
  std::int64_t out_bias = 0;      // in the output: [rows]
};

struct PlanePointers {
  const float* origin = nullptr;  // [P]
  const float* d1 = nullptr;      // [P]
  const float* d2 = nullptr;      // [P]
};

struct MaterialiseArgs {
  PlanePointers plane;
  const float* coordinates = nullptr;  // [B, 2]
  const float* buffers = nullptr;      // [B, buffer_stride]; buffer_stride 0: one set for all points
  std::int64_t buffer_stride = 0;
  const FoldSegment* segments = nullptr;
  int num_segments = 0;
  int num_points = 0;  // B
  ActivationType type = ActivationType::kFloat32;
  void* out = nullptr;  // [B, out_stride]; gaps between the segments are not written
  std::int64_t out_stride = 0;
  // [B], or nullptr. Set to 1 if a value, finite or not before rounding, is not finite in the type. Never reset to 0.
  std::int32_t* overflowed = nullptr;
};

THALWEG_HD inline float plane_weight(const PlanePointers& plane, float a, float b, std::int64_t i) {
  return plane.origin[i] + a * plane.d1[i] + b * plane.d2[i];
}

// Returns s_k, in double: it is one value per row, so this costs nothing.
THALWEG_HD inline double fold_scale(const FoldSegment& s, const PlanePointers& plane, float a, float b,
                                    const float* buffers, std::int64_t row) {
  if (s.norm_weight < 0) return 1.0;
  const double gamma = plane_weight(plane, a, b, s.norm_weight + row);
  return gamma / sqrt(static_cast<double>(buffers[s.var + row]) + s.eps);
}

THALWEG_HD inline float fold_bias(const FoldSegment& s, const PlanePointers& plane, float a, float b,
                                  const float* buffers, std::int64_t row, double scale) {
  double bias = s.bias < 0 ? 0.0 : static_cast<double>(plane_weight(plane, a, b, s.bias + row));
  if (s.norm_weight >= 0) {
    bias = plane_weight(plane, a, b, s.norm_bias + row) + (bias - buffers[s.mean + row]) * scale;
  }
  return static_cast<float>(bias);
}

// Returns the element [row, tap, channel] of the output.
THALWEG_HD inline float fold_weight(const FoldSegment& s, const PlanePointers& plane, float a, float b,
                                    std::int64_t row, std::int64_t tap, std::int64_t channel, double scale) {
  if (channel >= s.channels) return 0.0f;
  const std::int64_t offset = s.weight + (row * s.channels + channel) * s.taps + tap;
  return static_cast<float>(plane_weight(plane, a, b, offset) * scale);
}

// Rounds and stores `x`. Returns whether the stored value is not finite.
template <typename T>
THALWEG_HD inline bool store_checked(T& to, float x) {
  store(to, x);
  const float stored = to_float(to);
  return !(stored - stored == 0.0f);
}

// For w(p) itself, [B, P] in the order of the plane's vectors.
struct PlaneWeightsArgs {
  PlanePointers plane;
  std::int64_t num_parameters = 0;
  const float* coordinates = nullptr;  // [B, 2]
  int num_points = 0;
  float* out = nullptr;  // [B, P]
};

void materialise_cpu(const MaterialiseArgs& args);
void materialise_cuda(const MaterialiseArgs& args, cudaStream_t stream);
void plane_weights_cpu(const PlaneWeightsArgs& args);
void plane_weights_cuda(const PlaneWeightsArgs& args, cudaStream_t stream);

}  // namespace thalweg
