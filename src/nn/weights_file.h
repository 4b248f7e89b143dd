// Weights and buffers of a network as a safetensors file under their PyTorch names (so that Python's `load_state_dict`
// accepts them in strict mode), with metadata `thalweg`: JSON with model, data, normalisation, step, epoch, version,
// commit.
#pragma once

#include <cstdint>
#include <filesystem>

#include <nlohmann/json.hpp>

#include <ATen/core/Tensor.h>

#include "nn/graph.h"

namespace thalweg {

struct Weights {
  at::Tensor weights;  // float32 [P], CPU
  at::Tensor buffers;  // float32 [num_buffers], CPU
};

// `num_updates` is stored as the num_batches_tracked of every batch norm.
void write_weights(const std::filesystem::path& file, const Graph& graph, const Weights& weights,
                   std::int64_t num_updates, const nlohmann::json& description);

// Names may have the prefixes "module." (DataParallel) and "_orig_mod." (torch.compile). Throws Error listing the first
// missing, unexpected or misshapen tensors.
Weights read_weights(const std::filesystem::path& file, const Graph& graph);

// Returns the metadata `thalweg`, or null if the file has none (weights from elsewhere).
nlohmann::json read_weights_description(const std::filesystem::path& file);

}  // namespace thalweg
