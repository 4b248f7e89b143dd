// What the course of a metric decides: where it was best, and whether to end a run because it becomes no better.
//   "early_stop": {"metric": "test_loss", "patience": 5, "min_delta": 0}
// Pure functions of the "epoch" and "evaluation" lines of metrics.jsonl. A resumed run has the same lines, and so
// decides the same: there is no counter that a checkpoint would have to keep.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/config_reader.h"
#include "train/cadence.h"

namespace thalweg {

struct DataSet;

// "train_loss", "train_accuracy", "validation_loss"...: the metrics that a run may be watched by.
const std::vector<std::string>& metric_names();

// Usage Error naming train.`key` for a metric that a run on these data will not have at the end of its epochs.
void check_metric(const std::string& key, const std::string& metric, const Cadence& evaluate_every,
                  const DataSet& data);

struct EarlyStop {
  std::string metric;    // empty: never
  double patience = 5;   // epochs without an improvement
  double min_delta = 0;  // what counts as one: better than the best so far by more than this
};
// {}: never. Usage Error naming the key.
EarlyStop read_early_stop(ConfigReader reader);
nlohmann::json to_json(const EarlyStop& rule);

struct MetricEpoch {
  std::int64_t step = 0;
  double epoch = 0;
  double value = 0;
};

// The first line that none later betters by more than `min_delta`: lower is better for a loss, higher for an accuracy.
// Lines without the metric, or where it is not finite, do not count; none if no line counts.
std::optional<MetricEpoch> best_epoch(const std::vector<nlohmann::json>& lines, const std::string& metric,
                                      double min_delta = 0);

// Whether the last line that tells the metric ends the run: it comes `patience` epochs or more after the best one. A
// value that is not finite is told too, and is no improvement.
bool is_over(const EarlyStop& rule, const std::vector<nlohmann::json>& lines);

}  // namespace thalweg
