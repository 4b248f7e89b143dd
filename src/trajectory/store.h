// The trajectory of one run on disk: a folder with
//   weights.f32  raw little-endian float32 rows, row-major, append-only: P weights, then num_buffers buffers
//   index.log    a RecordLog: header {"version": 1, "num_params": P, "num_buffers": B}, then one JSON record per row:
//                {"row", "step", "epoch", "lr", "loss" (null if unknown or not finite), "reason", "crc32" of the row}
// A row is written and synced before its record, and truncation shortens the index first, so the index never lists a
// row that does not exist. Data that a killed process left after the last indexed row is not a snapshot: readers ignore
// it, and the next writer cuts it off. Equal sequences of appends and truncations therefore give equal bytes, however
// often they were interrupted. There may be one writer at a time; readers may come and go while it appends. A writer
// that drops snapshots (a run that resumes from an earlier checkpoint) removes mapped pages from under its readers,
// which the system then kills with SIGBUS.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <ATen/core/Tensor.h>

#include "io/mapped_file.h"
#include "io/posix_file.h"
#include "io/record_log.h"

namespace thalweg {

struct SnapshotInfo {
  std::int64_t step = 0;       // updates since the start of the main path
  double epoch = 0;            // the same in epochs
  double lr = 0;               // learning rate of the next update
  std::optional<double> loss;  // training loss of the batch at this step
  std::string reason;          // why it was taken: SnapshotRule::reason, or "fork"
};

// The paths of a trajectory's index.log and weights.f32.
std::filesystem::path trajectory_index(const std::filesystem::path& folder);
std::filesystem::path trajectory_rows(const std::filesystem::path& folder);

class TrajectoryWriter {
 public:
  // Opens or creates a trajectory. Throws Error if the folder holds a trajectory of another shape, or if rows are
  // missing. If fewer than `at_least` snapshots are intact, throws Error too, and leaves the files as they are.
  TrajectoryWriter(const std::filesystem::path& folder, std::int64_t num_params, std::int64_t num_buffers,
                   std::int64_t at_least = 0);

  // Appends a snapshot: float32 [P] and [num_buffers] on any device, with `info.step` beyond the last one. The snapshot
  // is on disk when this returns. If it throws (disk full), the store is unchanged.
  void append(const SnapshotInfo& info, const at::Tensor& weights, const at::Tensor& buffers);
  // Keeps the first `count` snapshots: a resumed run drops those taken after its checkpoint.
  void truncate(std::int64_t count);
  std::int64_t count() const { return static_cast<std::int64_t>(steps_.size()); }

 private:
  void write_row(const at::Tensor& weights, const at::Tensor& buffers);
  void cut_rows(std::int64_t count);
  std::int64_t row_bytes() const { return (num_params_ + num_buffers_) * 4; }

  std::filesystem::path rows_path_;
  std::int64_t num_params_;
  std::int64_t num_buffers_;
  RecordLog log_;
  std::vector<std::int64_t> steps_;  // of the snapshots
  FileHandle file_;                  // weights.f32
};

class TrajectoryReader {
 public:
  // Throws Error if the folder holds no trajectory, or one with inconsistent files.
  explicit TrajectoryReader(const std::filesystem::path& folder);

  std::int64_t size() const { return static_cast<std::int64_t>(infos_.size()); }
  std::int64_t num_params() const { return num_params_; }
  std::int64_t num_buffers() const { return num_buffers_; }
  const SnapshotInfo& info(std::int64_t i) const;
  // Read-only views of the mapped file, float32 [P] and [num_buffers]; they keep the file mapped.
  at::Tensor weights(std::int64_t i) const;
  at::Tensor buffers(std::int64_t i) const;
  // Reads a row, or every row; throws Error naming the row and step of the first damaged one.
  void verify(std::int64_t i) const;
  void verify() const;

 private:
  const float* row(std::int64_t i) const;
  at::Tensor view(const float* data, std::int64_t size) const;

  std::filesystem::path rows_path_;
  std::int64_t num_params_ = 0;
  std::int64_t num_buffers_ = 0;
  std::vector<SnapshotInfo> infos_;
  std::vector<std::uint32_t> checksums_;
  std::shared_ptr<const MappedFile> file_;
};

}  // namespace thalweg
