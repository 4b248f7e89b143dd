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

namespace {

// Lower is better.
double score(const std::string& metric, double value) {
  return metric.ends_with("accuracy") ? -value : value;
}

// Whether the line has the metric and improves on `best`.
bool improves(const nlohmann::json& line, const std::string& metric, double min_delta,
              const std::optional<MetricEpoch>& best) {
  const auto found = line.find(metric);
  if (found == line.end() || !found->is_number() || !std::isfinite(found->get<double>())) return false;
  return !best || score(metric, found->get<double>()) < score(metric, best->value) - min_delta;
}

}  // namespace

std::optional<MetricEpoch> best_epoch(const std::vector<nlohmann::json>& lines, const std::string& metric,
                                      double min_delta) {
  std::optional<MetricEpoch> best;
  for (const nlohmann::json& line : lines) {
    if (improves(line, metric, min_delta, best))
      best = {line.at("step").get<std::int64_t>(), line.at("epoch").get<double>(), line.at(metric).get<double>()};
  }
  return best;
}

bool is_over(const EarlyStop& rule, const std::vector<nlohmann::json>& lines, const nlohmann::json& next) {
  if (rule.metric.empty()) return false;
  const auto tells = [&](const nlohmann::json& line) { return line.contains(rule.metric); };
  const std::optional<MetricEpoch> best = best_epoch(lines, rule.metric, rule.min_delta);
  if (!best || improves(next, rule.metric, rule.min_delta, best)) return false;
  const double last = tells(next) ? next.at("epoch").get<double>()
                                  : std::find_if(lines.rbegin(), lines.rend(), tells)->at("epoch").get<double>();
  // Epochs are quotients of steps, so the difference of two whole ones may not be exactly whole.
  constexpr double kRounding = 1e-9;
  return last - best->epoch >= rule.patience - kRounding;
}

}  // namespace thalweg
