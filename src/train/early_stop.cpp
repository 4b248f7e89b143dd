#include "train/early_stop.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "train/splits.h"

namespace thalweg {

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> names = {"train_loss",          "train_accuracy", "validation_loss",
                                                 "validation_accuracy", "test_loss",      "test_accuracy"};
  return names;
}

void check_metric(const std::string& key, const std::string& metric, const Cadence& evaluate_every,
                  const DataSet& data) {
  if (metric.empty() || metric.starts_with("train_")) return;
  const std::vector<NamedSplit> splits = watched_splits(data);
  if (std::none_of(splits.begin(), splits.end(), [&](const auto& split) { return metric.starts_with(split.name); }))
    fail_usage("train.{}: \"{}\" is never measured, since the data have no such split", key, metric);
  if (evaluate_every.every <= 0)
    fail_usage("train.{}: \"{}\" is never measured, since train.evaluate_every is 0", key, metric);
}

EarlyStop read_early_stop(ConfigReader reader) {
  EarlyStop rule;
  const bool wanted = reader.has("metric") || reader.has("patience") || reader.has("min_delta");
  rule.metric = reader.get_choice("metric", "", metric_names());
  if (wanted) reader.required_string("metric");
  rule.patience = reader.get_double("patience", rule.patience, 1e-3, 1e6);
  rule.min_delta = reader.get_double("min_delta", rule.min_delta, 0);
  reader.finish();
  return rule;
}

nlohmann::json to_json(const EarlyStop& rule) {
  if (rule.metric.empty()) return nlohmann::json::object();
  return {{"metric", rule.metric}, {"patience", rule.patience}, {"min_delta", rule.min_delta}};
}

std::optional<MetricEpoch> best_epoch(const std::vector<nlohmann::json>& lines, const std::string& metric,
                                      double min_delta) {
  const double sign = metric.ends_with("accuracy") ? -1 : 1;  // sign * value: lower is better
  std::optional<MetricEpoch> best;
  for (const nlohmann::json& line : lines) {
    const auto found = line.find(metric);
    if (found == line.end() || !found->is_number() || !std::isfinite(found->get<double>())) continue;
    const double value = found->get<double>();
    if (best && sign * value >= sign * best->value - min_delta) continue;
    best = {line.at("step").get<std::int64_t>(), line.at("epoch").get<double>(), value};
  }
  return best;
}

bool is_over(const EarlyStop& rule, const std::vector<nlohmann::json>& lines) {
  if (rule.metric.empty()) return false;
  const auto tells = [&](const nlohmann::json& line) { return line.contains(rule.metric); };
  const auto last = std::find_if(lines.rbegin(), lines.rend(), tells);
  const std::optional<MetricEpoch> best = best_epoch(lines, rule.metric, rule.min_delta);
  // Epochs are quotients of steps, so the difference of two whole ones may not be exactly whole.
  constexpr double kRounding = 1e-9;
  return best && last->at("epoch").get<double>() - best->epoch >= rule.patience - kRounding;
}

}  // namespace thalweg
