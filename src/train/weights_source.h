// Weights by the file that holds them: a weights file (nn/weights_file.h), or a checkpoint in its run's folder, of
// which the same is known as of the run's weights file.
#pragma once

#include "nn/weights_file.h"

namespace thalweg {

Weights load_weights(const std::filesystem::path& file, const Graph& graph);

// What read_weights_description says of a weights file; null where nothing does.
nlohmann::json describe_weights(const std::filesystem::path& file);

}  // namespace thalweg
