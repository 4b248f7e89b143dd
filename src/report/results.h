// The results of an experiment over its seeds: one value per seed for each run and quantity, as used by tables, figures
// and claims.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/report.h"

namespace thalweg {

struct Results {
  std::string title;
  nlohmann::json config;          // as resolved
  nlohmann::json provenance;      // that of the first seed's main path
  std::vector<ReportData> seeds;  // at least one; the experiment itself if it has no "seeds"
  ReportData shared{};            // its surfaces are maps of planes shared by all seeds; may have none
};

// Reads an experiment's folder, with or without seeds/. Throws Error if it is not one.
Results collect_results(const std::filesystem::path& experiment);

// A final quantity of runs. Test accuracy, losses and their gap come from status.json, distances from the map, others
// from measures.json.
struct Quantity {
  std::string key;
  std::string label;  // including its unit
  double factor = 1;  // converts the stored value to the unit
  int digits = 4;
  bool log_axis = false;
};
const std::vector<Quantity>& quantities();

struct SweepRun {
  std::string name;
  std::optional<double> fork_epoch;                   // empty: the main path
  double end_epoch = 0;                               // the earliest of the seeds that finished it; NaN if none did
  double last_end_epoch = 0;                          // the latest
  std::map<std::string, std::vector<double>> values;  // by quantity key: one per seed, NaN if missing
  std::size_t num_diverged = 0;                       // seeds in which the run diverged
};
// Returns the runs that any seed has, by fork epoch, the main path last, each average after its run.
std::vector<SweepRun> sweep_of(const Results& results);

// Returns only the finite values.
std::vector<double> finite_values(const std::vector<double>& values);

// Returns the run's own epochs with test values; for a branch, those after its fork.
std::vector<EpochMetrics> evaluated_epochs(const ReportData& seed, const std::string& run);
// &EpochMetrics::test_accuracy or &EpochMetrics::test_loss.
using TestMetric = std::optional<double> EpochMetrics::*;
// The metric of a run after `epoch` epochs in total: of the main path before the fork, of the branch after it. Empty if
// the run was not evaluated then.
std::optional<double> test_value_at(const ReportData& seed, const std::string& run, double epoch, TestMetric metric);
// Returns test minus train loss of a run that ended after `epoch` epochs in total, else nothing: only at its end is a
// run's train loss that of its weights over all images, without augmentation.
std::optional<double> gap_at_end(const ReportData& seed, const std::string& run, double epoch);
// Returns the first epoch, counted from the main path's start, after which the run's test accuracy is at least
// `accuracy`; empty if it is never reached.
std::optional<double> epoch_reaching(const ReportData& seed, const std::string& run, double accuracy);
// Returns the largest number of epochs between evaluations, over the main path and the run.
double evaluation_interval(const ReportData& seed, const std::string& run);

}  // namespace thalweg
