// metrics.jsonl: one JSON object a line, appended as training goes on. Kinds:
//   {"kind": "step",  "step", "epoch", "lr", "loss"}                      loss of one batch, as trained
//   {"kind": "epoch", "step", "epoch", "lr", "train_loss", "train_accuracy", "test_loss"?, "test_accuracy"?, "seconds"}
// Accuracies are fractions. train_* are means over the epoch's batches while the weights moved. All values but
// "seconds" are the same in an interrupted and resumed run.
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

namespace thalweg {

class MetricsLog {
 public:
  // Opens for appending and cuts the file to `keep_bytes` (what a checkpoint vouches for; 0: start anew).
  MetricsLog(const std::filesystem::path& file, std::int64_t keep_bytes);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  // Throws Error (disk full).
  void append(const nlohmann::json& line);
  // Forces what was appended to disk; returns the file's length.
  std::int64_t sync();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::int64_t bytes_ = 0;
};

}  // namespace thalweg
