// metrics.jsonl: one JSON object per line, appended during training. Kinds:
//   {"kind": "step",  "step", "epoch", "lr", "loss"}                      loss of one batch, as trained
//                      with train.step_statistics also "gradient_norm", "weight_norm", "update_ratio", "noise_scale"
//   {"kind": "epoch", "step", "epoch", "lr", "train_loss", "train_accuracy", "test_loss"?, "test_accuracy"?, "seconds"}
//   {"kind": "evaluation", "step", "epoch", "lr", "test_loss", "test_accuracy"}     one within an epoch
// test_* is accompanied by validation_loss and validation_accuracy if the data have that split, and by
// average_test_loss and so on if the run averages its weights. Accuracies are fractions. train_* are means over the
// epoch's batches, taken while the weights changed. All values but "seconds" are the same in a run that was interrupted
// and resumed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/posix_file.h"

namespace thalweg {

class MetricsLog {
 public:
  // Opens the file for appending and truncates it to `keep_bytes` (the length stored in a checkpoint; 0: start afresh).
  MetricsLog(const std::filesystem::path& file, std::int64_t keep_bytes);

  // Throws Error (for example if the disk is full).
  void append(const nlohmann::json& line);
  // Syncs what was appended to disk; returns the file's length.
  std::int64_t sync();

 private:
  std::filesystem::path path_;
  FileHandle file_;
  std::int64_t bytes_ = 0;
};

// A run that was killed or is just writing may leave an incomplete line at the end of the file.
enum class MetricsEnd { kWhole, kMayBeTorn };

// Returns the "epoch" and "evaluation" lines, without a last incomplete one if kMayBeTorn allows it. Throws Error
// naming file and line if any other line is not a JSON object with a kind.
std::vector<nlohmann::json> read_metric_lines(const std::filesystem::path& file, MetricsEnd end = MetricsEnd::kWhole);

}  // namespace thalweg
