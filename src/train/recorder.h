// What a run tells of itself while it goes on. The loop hands over each line and each happening once; where they are
// written is decided here:
//   metrics.jsonl           every line (train/metrics.h); what the other files are made of
//   metrics.csv             the "epoch" lines as a table (train/metrics_csv.h), written anew with each of them
//   events.out.tfevents.*   every line for TensorBoard (io/event_file.h): "test_loss" is "loss/test" there, a batch's
//                           loss "loss/batch", other values have their own names
//   log.txt                 epochs and happenings for people (train/run_log.h)
// A resumed run cuts the first two to what the checkpoint vouches for, and TensorBoard forgets the same lines.
#pragma once

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
  // The run goes on from `step`; `metrics_bytes` is how much of metrics.jsonl its checkpoint vouches for.
  Recorder(const std::filesystem::path& run, std::int64_t metrics_bytes, std::int64_t step);

  // A line of metrics.jsonl.
  void record(const nlohmann::json& line);
  // A happening, for log.txt alone.
  void note(std::string_view text) { log_.write(text); }
  // Forces what was recorded to disk; returns the length of metrics.jsonl, for the checkpoint.
  std::int64_t sync();

  // All "epoch" and "evaluation" lines of the run so far, those from before a resume included.
  const std::vector<nlohmann::json>& lines() const { return lines_; }

 private:
  void write_table() const;
  std::vector<EventScalar> scalars_of(const nlohmann::json& line);

  std::filesystem::path run_;
  MetricsLog metrics_;
  std::vector<nlohmann::json> lines_;
  EventFile events_;
  RunLog log_;
  std::int64_t rate_step_ = -1;  // last step whose rate the events hold: two lines of one step name it
};

}  // namespace thalweg
