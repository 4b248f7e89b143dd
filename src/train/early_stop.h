// Decisions based on the history of a metric: where it was best, and whether to end a run that no longer improves.
//   "early_stop": {"metric": "test_loss", "patience": 5, "min_delta": 0}
// All are pure functions of the "epoch" and "evaluation" lines of metrics.jsonl. A resumed run has the same lines and
// so makes the same decisions; a checkpoint need not store a counter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/config_reader.h"
#include "train/cadence.h"

namespace thalweg {

struct DataSet;

// The metrics that a run can be monitored by: "train_loss", "train_accuracy", "validation_loss"...
const std::vector<std::string>& metric_names();

// Throws a usage Error that names train.`key` if a run on these data never has the metric at the end of an epoch.
void check_metric(const std::string& key, const std::string& metric, const Cadence& evaluate_every,
                  const DataSet& data);

struct EarlyStop {
  std::string metric;    // empty: never
  double patience = 5;   // epochs without an improvement before the run ends
  double min_delta = 0;  // an improvement is better than the best so far by more than this
};
// {} means never. Throws a usage Error that names the key.
EarlyStop read_early_stop(ConfigReader reader);
nlohmann::json to_json(const EarlyStop& rule);

struct MetricEpoch {
  std::int64_t step = 0;
  double epoch = 0;
  double value = 0;
};

// Returns the first line on which no later line improves by more than `min_delta`; lower is better for a loss, higher
// for an accuracy. Lines without the metric or with a value that is not finite are ignored; returns nothing if none is
// left.
std::optional<MetricEpoch> best_epoch(const std::vector<nlohmann::json>& lines, const std::string& metric,
                                      double min_delta = 0);

// Whether the last line that has the metric ends the run, because it comes `patience` epochs or more after the best
// one. A line whose value is not finite counts here, but is never an improvement. `next` comes after `lines`; {} if
// there is none.
bool is_over(const EarlyStop& rule, const std::vector<nlohmann::json>& lines, const nlohmann::json& next = {});

}  // namespace thalweg
