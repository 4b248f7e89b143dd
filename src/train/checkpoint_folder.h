// A run's checkpoints/ folder. It holds the latest checkpoints, from which the run resumes; those that branches fork
// from; and, on request, the best one as best.safetensors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "train/checkpoint.h"
#include "train/run_spec.h"

namespace thalweg {

// Returns the state to start from: the run's latest checkpoint, else the fork of a branch, else initial weights.
Checkpoint starting_point(const RunSpec& spec, const Graph& graph, const std::filesystem::path& run);

class CheckpointFolder {
 public:
  // Removes half-written files of a killed process, so the folder's lock must be held. The last `keep_last` checkpoints
  // are kept, and so are those of the steps for which `stays` returns true.
  CheckpointFolder(const std::filesystem::path& run, std::int64_t keep_last, std::function<bool(std::int64_t)> stays);

  bool holds(std::int64_t step) const { return std::filesystem::exists(checkpoint_path(run_, step)); }
  void save(const Checkpoint& checkpoint) const;
  // Removes the checkpoints that later ones have replaced.
  void prune() const;
  // Returns the latest checkpoint of a step before `step`; empty if there is none.
  std::filesystem::path last_before(std::int64_t step) const;
  // Makes best.safetensors the checkpoint of `step`, which must exist: a hard link, or a copy if the file system has no
  // hard links.
  void keep_as_best(std::int64_t step) const;

 private:
  std::filesystem::path run_;
  std::int64_t keep_last_;
  std::function<bool(std::int64_t)> stays_;
};

}  // namespace thalweg
