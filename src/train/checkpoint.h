// A checkpoint: everything a run needs to go on to the bit. safetensors with `weights`, `momentum`, `buffers`,
// `epoch_sums`, where the run has them `second_moment` and `average`, and metadata `checkpoint` (JSON: step, and how
// much of the run's journals belongs to the time before it).
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "train/state.h"

namespace thalweg {

struct Checkpoint {
  TrainState state;                // read: tensors on the CPU
  std::int64_t num_snapshots = 0;  // rows of the trajectory written before it
  std::int64_t metrics_bytes = 0;  // length of metrics.jsonl at that time
};

// "checkpoints/step-000000123.safetensors"
std::filesystem::path checkpoint_path(const std::filesystem::path& run, std::int64_t step);
// The run's folder.
std::filesystem::path run_of_checkpoint(const std::filesystem::path& file);
void write_checkpoint(const std::filesystem::path& run, const Checkpoint& checkpoint);
// Throws Error if its sizes are not those of the graph.
Checkpoint read_checkpoint(const std::filesystem::path& file, const Graph& graph);
// Whether a safetensors file says that it is one; of which step.
bool is_checkpoint(const std::filesystem::path& file);
std::int64_t checkpoint_step(const std::filesystem::path& file);
// Steps of the checkpoints in a run's folder, ascending.
std::vector<std::int64_t> checkpoint_steps(const std::filesystem::path& run);

}  // namespace thalweg
