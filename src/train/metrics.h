// metrics.jsonl: one JSON object a line, appended as training goes on. Kinds:
//   {"kind": "step",  "step", "epoch", "lr", "loss"}                      loss of one batch, as trained
//                      with train.step_statistics also "gradient_norm", "weight_norm", "update_ratio", "noise_scale"
//   {"kind": "epoch", "step", "epoch", "lr", "train_loss", "train_accuracy", "test_loss"?, "test_accuracy"?, "seconds"}
//   {"kind": "evaluation", "step", "epoch", "lr", "test_loss", "test_accuracy"}     one that lies inside an epoch
// and validation_loss, validation_accuracy beside test_* where the data have that split; average_test_loss and so on
// where the run averages its weights. Accuracies are fractions.
// train_* are means over the epoch's batches while the weights moved. All values but "seconds" are the same in an
// interrupted and resumed run.
#pragma once

#include <filesystem>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/posix_file.h"

namespace thalweg {

class MetricsLog {
 public:
  // Opens for appending and cuts the file to `keep_bytes` (what a checkpoint vouches for; 0: start anew).
  MetricsLog(const std::filesystem::path& file, std::int64_t keep_bytes);

  // Throws Error (disk full).
  void append(const nlohmann::json& line);
  // Forces what was appended to disk; returns the file's length.
  std::int64_t sync();

 private:
  std::filesystem::path path_;
  FileHandle file_;
  std::int64_t bytes_ = 0;
};

// A run that is killed, or is writing just now, may leave the beginning of a line at the file's end.
enum class MetricsEnd { kWhole, kMayBeTorn };

// The "epoch" and "evaluation" lines, without a torn one where it may be. Throws Error naming file and line for any
// other that is no JSON object with a kind.
std::vector<nlohmann::json> read_metric_lines(const std::filesystem::path& file, MetricsEnd end = MetricsEnd::kWhole);

}  // namespace thalweg
