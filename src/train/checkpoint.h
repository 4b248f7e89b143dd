// A checkpoint: everything a run needs to resume bit for bit. A safetensors file with `weights`, `momentum`, `buffers`
// and `epoch_sums`, with `second_moment` and `average` if the run has them, and with the metadata `checkpoint` (JSON:
// the step, and how much of the run's journals had been written by then).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "train/state.h"

namespace thalweg {

struct Checkpoint {
  TrainState state;                // on the CPU once read
  std::int64_t num_snapshots = 0;  // snapshots in the trajectory at that time
  std::int64_t metrics_bytes = 0;  // length of metrics.jsonl at that time
  // Snapshots in the average's trajectory; unknown of earlier versions' checkpoints.
  std::optional<std::int64_t> num_average_snapshots = {};
};

// "checkpoints/step-000000123.safetensors"
std::filesystem::path checkpoint_path(const std::filesystem::path& run, std::int64_t step);
// Returns the folder of the run that the checkpoint belongs to.
std::filesystem::path run_of_checkpoint(const std::filesystem::path& file);
void write_checkpoint(const std::filesystem::path& run, const Checkpoint& checkpoint);
// Throws Error if the tensor sizes do not match the graph.
Checkpoint read_checkpoint(const std::filesystem::path& file, const Graph& graph);
// Whether a safetensors file declares itself a checkpoint, and the step of such a file.
bool is_checkpoint(const std::filesystem::path& file);
std::int64_t checkpoint_step(const std::filesystem::path& file);
// Returns the steps of the checkpoints in a run's folder, ascending.
std::vector<std::int64_t> checkpoint_steps(const std::filesystem::path& run);

}  // namespace thalweg
