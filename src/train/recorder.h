// What a run records about itself. The training loop passes on each line and each event once; this class decides where
// they are written:
//   metrics.jsonl           every line (train/metrics.h); the source of the other files
//   metrics.csv             the "epoch" lines as a table (train/metrics_csv.h), rewritten with each of them
//   events.out.tfevents.*   every line, for TensorBoard (io/event_file.h): "test_loss" becomes "loss/test", a batch's
//                           loss "loss/batch"; other values keep their names
//   log.txt                 epochs and events, for people (train/run_log.h)
// A resumed run cuts the first two back to its checkpoint, and TensorBoard discards the same lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/event_file.h"
#include "train/metrics.h"
#include "train/run_log.h"

namespace thalweg {

class Recorder {
 public:
  // The run continues from `step`; `metrics_bytes` is the length of metrics.jsonl stored in its checkpoint.
  Recorder(const std::filesystem::path& run, std::int64_t metrics_bytes, std::int64_t step);

  // Adds a line of metrics.jsonl.
  void record(const nlohmann::json& line);
  // Adds an event, to log.txt only.
  void note(std::string_view text) { log_.write(text); }
  // Syncs what was recorded to disk; returns the length of metrics.jsonl, for the checkpoint.
  std::int64_t sync();

  // All "epoch" and "evaluation" lines of the run so far, including those from before a resume.
  const std::vector<nlohmann::json>& lines() const { return lines_; }

 private:
  void write_table() const;
  std::vector<EventScalar> scalars_of(const nlohmann::json& line);

  std::filesystem::path run_;
  MetricsLog metrics_;
  std::vector<nlohmann::json> lines_;
  EventFile events_;
  RunLog log_;
  std::int64_t rate_step_ = -1;  // last step whose rate was added to the events; a step can have two lines
};

}  // namespace thalweg
