// Initial weights and buffers.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "nn/graph.h"

namespace thalweg {

// PyTorch's defaults for Conv2d and Linear (kaiming_uniform with a = sqrt 5: U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for
// weights and biases), 1 and 0 for norms. float32 [P] on the CPU; a function of (graph, seed) alone.
at::Tensor initial_weights(const Graph& graph, std::uint64_t seed);

// Running means 0, variances 1: float32 [num_buffers] on the CPU.
at::Tensor initial_buffers(const Graph& graph);

}  // namespace thalweg
