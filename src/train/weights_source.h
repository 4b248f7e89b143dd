// Loads weights from the file that holds them: a weights file (nn/weights_file.h), or a checkpoint in its run's folder,
// which is described like the run's weights file.
#pragma once

#include "nn/weights_file.h"

namespace thalweg {

Weights load_weights(const std::filesystem::path& file, const Graph& graph);

// Returns what read_weights_description returns for a weights file; null if there is no description.
nlohmann::json describe_weights(const std::filesystem::path& file);

}  // namespace thalweg
