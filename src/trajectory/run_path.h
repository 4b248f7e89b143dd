// The snapshots of a main path and the branches that leave it, and their collection into rows for PCA.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "trajectory/pca.h"
#include "trajectory/store.h"
#include "trajectory/weight_rows.h"

namespace thalweg {

// Where a branch leaves another run.
struct Fork {
  std::size_t parent = 0;  // index among the runs, less than the branch's own
  std::int64_t step = 0;
};

// One run's snapshots, ascending in step.
struct RunPath {
  std::string name;
  std::optional<Fork> fork;         // empty for a main path; the first run is one
  std::vector<SnapshotInfo> infos;  // [T]
  std::vector<at::Tensor> weights;  // [T] of float32 [P], CPU; may be views of a mapped file
  std::vector<at::Tensor> buffers;  // [T] of float32 [num_buffers], CPU
};

// All snapshots of a store, after TrajectoryReader::verify; the views keep the file mapped.
RunPath load_run(const TrajectoryReader& reader, std::string name, std::optional<Fork> fork = {});

// The snapshots of all runs as rows, and the tree in which they follow each other. If a branch's first snapshot is at
// the fork, it shares one row with the parent's snapshot there (or with the first snapshot of another branch that left
// there). Main paths after the first, which belong to other seeds, are attached to row 0 as if one step away.
struct RowForest {
  std::vector<WeightRow> rows;
  std::vector<at::Tensor> buffers;  // of the same snapshots
  RowTree parents;
  std::size_t main_final = 0;  // row of the first main path's last snapshot; its first one is row 0
};

// Throws Error if runs, forks or shapes do not fit together, or if a branch does not start with its parent's weights.
RowForest collect_rows(const std::vector<RunPath>& runs);

}  // namespace thalweg
