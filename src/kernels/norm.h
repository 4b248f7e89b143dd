// Batch norm in training, fused with what follows it: the residual add and the ReLU, or the ReLU and a 2x2 max pool of
// stride 2. Activations are channels-last, [M, C] with M = N*H*W rows, float32, bfloat16 or float16; statistics are
// float32, their partial sums added in double.
//
//   mean_c = sum_m x_mc / M     var_c = sum_m (x_mc - mean_c)^2 / M     invstd_c = 1 / sqrt(var_c + eps)
//   y = act(x * scale_c + shift_c + other),  scale = weight * invstd,  shift = bias - mean * scale,  act = ReLU or none
//   With the pool, y is the largest of the four pixels under it: the first of equal ones, NaN before all (as in ATen).
//   running = (1 - momentum) * running + momentum * batch, with the unbiased variance (M / (M - 1)), as in PyTorch
// Backward, with g = dy (with the ReLU, 0 if y <= 0; with the pool, 0 at the three pixels that it did not select):
//   dbias = sum g     dweight = sum g * (x - mean) * invstd     dother = g
//   dx = scale * (g - dbias / M - (x - mean) * invstd * dweight / M)
// (Ioffe & Szegedy 2015.) Rows are summed in chunks of kNormRows, and the chunks in a fixed order, so results do not
// depend on the number of threads or blocks. Without an add, backward recomputes y from x, which costs less than
// reading it. The ReLU treats NaN and infinity as at::relu does.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/cuda.h"
#include "kernels/activation.h"

namespace thalweg {

// The number of rows in a partial sum.
constexpr std::int64_t kNormRows = 256;

struct NormShape {
  std::int64_t rows = 0;      // M
  std::int64_t channels = 0;  // C
  ActivationType type = ActivationType::kFloat32;
  bool relu = false;
  std::int64_t pool_width = 0;  // width of the images if a max pool follows: needs ReLU, even width and height

  THALWEG_HD std::int64_t num_chunks() const { return (rows + kNormRows - 1) / kNormRows; }
  // pooled_rows() is the number of pixels after the pool, window_row(p) the row of x of the first of the four pixels
  // under pooled pixel `p`. The others are at + 1, + pool_width and + pool_width + 1.
  THALWEG_HD std::int64_t pooled_rows() const { return rows / 4; }
  THALWEG_HD std::int64_t window_row(std::int64_t p) const {
    const std::int64_t half = pool_width / 2;
    return p / half * 2 * pool_width + p % half * 2;
  }
};

struct NormForwardArgs {
  NormShape shape;
  const void* x = nullptr;        // [M, C]
  const void* other = nullptr;    // [M, C] added before the ReLU, or nullptr
  void* y = nullptr;              // [M, C], or [M / 4, C] with a pool
  const float* weight = nullptr;  // [C]
  const float* bias = nullptr;    // [C]
  float* running_mean = nullptr;  // [C], or nullptr: not updated
  float* running_var = nullptr;   // [C]
  float momentum = 0.1f;
  float eps = 1e-5f;
  float* mean = nullptr;     // [C] out, for the backward pass
  float* invstd = nullptr;   // [C] out
  float* partial = nullptr;  // [num_chunks, 2, C] work space
};

struct NormBackwardArgs {
  NormShape shape;
  const void* x = nullptr;   // [M, C]
  const void* y = nullptr;   // [M, C] of the forward pass, if it had an add and a ReLU; else nullptr
  const void* dy = nullptr;  // [M, C], or [M / 4, C] with a pool
  void* dx = nullptr;        // [M, C]; may be x's memory
  void* dother = nullptr;    // [M, C] with an add and a ReLU, else nullptr; may be dy's memory
  const float* weight = nullptr;
  const float* bias = nullptr;
  const float* mean = nullptr;
  const float* invstd = nullptr;
  float* dweight = nullptr;  // [C]
  float* dbias = nullptr;    // [C]
  float* partial = nullptr;  // [num_chunks, 2, C] work space
};

// The formulas used on both devices; `c` is the channel. Args is one of the structs above, or a type with members of
// the same names that hold the values of some channels.
template <typename Args>
THALWEG_HD inline float normalised(const Args& args, float x, std::int64_t c) {
#ifdef __CUDA_ARCH__
  // Rounds the same way wherever it is called: backward must find the pixel that forward selected.
  return __fmaf_rn(x - args.mean[c], __fmul_rn(args.invstd[c], args.weight[c]), args.bias[c]);
#else
  return (x - args.mean[c]) * (args.invstd[c] * args.weight[c]) + args.bias[c];
#endif
}

// Whether the pool prefers `value` to `best`, which is from an earlier pixel.
THALWEG_HD inline bool is_larger(float value, float best) {
  return value > best || value != value;
}

// Returns the gradient with respect to the input of the ReLU whose output is `y`.
THALWEG_HD inline float relu_gradient(float y, float dy) {
  return y <= 0.0f ? 0.0f : dy;
}

// The source of the ReLU's mask: none (no ReLU), y read from memory, or y recomputed.
enum class ReluMask { kNone, kRead, kComputed };

// Returns the gradient that reaches the normalisation of an element of channel `c`; only ReluMask::kRead uses `y`.
template <ReluMask kMask, typename Args>
THALWEG_HD inline float masked(const Args& args, float x, float y, float dy, std::int64_t c) {
  if constexpr (kMask == ReluMask::kRead) return relu_gradient(y, dy);
  if constexpr (kMask == ReluMask::kComputed) return relu_gradient(normalised(args, x, c), dy);
  return dy;
}

template <typename Args>
THALWEG_HD inline float input_gradient(const Args& args, float x, float g, std::int64_t c) {
  const float share = 1.0f / static_cast<float>(args.shape.rows);
  const float xhat = (x - args.mean[c]) * args.invstd[c];
  return args.weight[c] * args.invstd[c] * (g - share * args.dbias[c] - xhat * (share * args.dweight[c]));
}

// Stores what the backward pass needs and updates the running statistics, given the batch's mean and the sum of squared
// deviations from it.
THALWEG_HD inline void finish_moments(const NormForwardArgs& args, std::int64_t c, double mean, double m2) {
  const auto rows = static_cast<double>(args.shape.rows);
  args.mean[c] = static_cast<float>(mean);
  args.invstd[c] = static_cast<float>(1.0 / sqrt(m2 / rows + static_cast<double>(args.eps)));
  if (!args.running_mean) return;
  args.running_mean[c] += args.momentum * (args.mean[c] - args.running_mean[c]);
  args.running_var[c] += args.momentum * (static_cast<float>(m2 / (rows - 1)) - args.running_var[c]);
}

void norm_forward_cpu(const NormForwardArgs& args);
void norm_forward_cuda(const NormForwardArgs& args, cudaStream_t stream);
void norm_backward_cpu(const NormBackwardArgs& args);
void norm_backward_cuda(const NormBackwardArgs& args, cudaStream_t stream);

}  // namespace thalweg
