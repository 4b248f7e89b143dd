// checkpoints/ of a run: the latest ones, to go on from; those that branches fork from; and, if it is asked for, the
// best one as best.safetensors.
#pragma once

#include <filesystem>
#include <functional>

#include "train/checkpoint.h"
#include "train/run_spec.h"

namespace thalweg {

// Where the run goes on: its latest checkpoint, or the fork of a branch, or initial weights.
Checkpoint starting_point(const RunSpec& spec, const Graph& graph, const std::filesystem::path& run);

class CheckpointFolder {
 public:
  // Removes what a killed process left half-written: call it under the folder's lock.
  // Of the checkpoints the last `keep_last` stay, and those of steps for which `stays` holds.
  CheckpointFolder(const std::filesystem::path& run, std::int64_t keep_last, std::function<bool(std::int64_t)> stays);

  bool holds(std::int64_t step) const { return std::filesystem::exists(checkpoint_path(run_, step)); }
  void save(const Checkpoint& checkpoint) const;
  // Removes those that later ones replace.
  void prune() const;
  // The latest of an earlier step than `step`; empty where there is none.
  std::filesystem::path last_before(std::int64_t step) const;
  // Makes the checkpoint of `step`, which must be there, best.safetensors too: a second name of the same file, or a
  // copy where the file system has no such thing.
  void keep_as_best(std::int64_t step) const;

 private:
  std::filesystem::path run_;
  std::int64_t keep_last_;
  std::function<bool(std::int64_t)> stays_;
};

}  // namespace thalweg
