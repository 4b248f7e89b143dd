#include "nn/init.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/empty.h>

#include "base/rng.h"

namespace thalweg {

at::Tensor initial_weights(const Graph& graph, std::uint64_t seed) {
  at::Tensor flat = at::empty({graph.parameters.size()}, at::kFloat);
  float* out = flat.data_ptr<float>();
  std::uint32_t index = 0;
  for (const LayoutEntry& entry : graph.parameters.entries()) {
    float* values = out + entry.offset;
    if (entry.role == TensorRole::kNormWeight || entry.role == TensorRole::kNormBias) {
      std::fill_n(values, entry.numel, entry.role == TensorRole::kNormWeight ? 1.0f : 0.0f);
    } else {
      Philox stream(seed, RngPurpose::kInit, index);
      const double bound = 1.0 / std::sqrt(static_cast<double>(entry.fan_in));
      for (std::int64_t i = 0; i < entry.numel; ++i) {
        values[i] = static_cast<float>((2.0 * stream.uniform() - 1.0) * bound);
      }
    }
    ++index;
  }
  return flat;
}

at::Tensor initial_buffers(const Graph& graph) {
  at::Tensor flat = at::empty({graph.buffers.size()}, at::kFloat);
  float* out = flat.data_ptr<float>();
  for (const LayoutEntry& entry : graph.buffers.entries()) {
    std::fill_n(out + entry.offset, entry.numel, entry.role == TensorRole::kRunningVar ? 1.0f : 0.0f);
  }
  return flat;
}

}  // namespace thalweg
