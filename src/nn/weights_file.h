// Weights and buffers of a network as a safetensors file under their PyTorch names (so that Python's `load_state_dict`
// takes them, strictly), with metadata `thalweg`: JSON with model, data, normalisation, step, epoch, version, commit.
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include <ATen/core/Tensor.h>

#include "nn/graph.h"

namespace thalweg {

struct Weights {
  at::Tensor weights;  // float32 [P], CPU
  at::Tensor buffers;  // float32 [num_buffers], CPU
};

// `num_updates` becomes every batch norm's num_batches_tracked.
void write_weights(const std::filesystem::path& file, const Graph& graph, const Weights& weights,
                   std::int64_t num_updates, const nlohmann::json& description);

// Names may carry DataParallel's "module." prefix. Throws Error that lists missing, unexpected and misshapen tensors.
Weights read_weights(const std::filesystem::path& file, const Graph& graph);

// The metadata `thalweg`; null if the file has none (weights from elsewhere).
nlohmann::json read_weights_description(const std::filesystem::path& file);

}  // namespace thalweg
