// What an experiment gave over its seeds: for each run and quantity a value a seed, as tables, figures and claims take
// it.
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
  nlohmann::json provenance;      // of the first seed's main path
  std::vector<ReportData> seeds;  // at least one; the experiment itself where it has no "seeds"
  ReportData shared{};            // its surfaces are maps of planes that all its seeds share; may have none
};

// Reads an experiment's folder, with or without seeds/. Throws Error where it is none.
Results collect_results(const std::filesystem::path& experiment);

// A quantity that runs end with. Test accuracy, losses and their gap come from status.json, distances from the map,
// others from measures.json.
struct Quantity {
  std::string key;
  std::string label;  // with its unit
  double factor = 1;  // from the stored value to the unit
  int digits = 4;
  bool log_axis = false;
};
const std::vector<Quantity>& quantities();

struct SweepRun {
  std::string name;
  std::optional<double> fork_epoch;                   // empty: the main path
  double end_epoch = 0;                               // the earliest of the seeds that are done with it; NaN if none is
  std::map<std::string, std::vector<double>> values;  // by the quantity's key: one a seed, NaN where it is missing
  std::size_t num_diverged = 0;                       // seeds in which it diverged
};
// By fork epoch, the main path last, each average behind its run; runs that any seed has.
std::vector<SweepRun> sweep_of(const Results& results);

// Finite values alone.
std::vector<double> finite_values(const std::vector<double>& values);

// The run's own epochs with test values: of a branch those behind its fork.
std::vector<EpochMetrics> evaluated_epochs(const ReportData& seed, const std::string& run);
// "test_accuracy" or "test_loss" of a run after `epoch` epochs in all: of the main path before the fork, of the branch
// after it. Empty where it was not evaluated then.
std::optional<double> test_value_at(const ReportData& seed, const std::string& run, double epoch,
                                    const std::string& key);
// Test minus train loss of a run that ended after `epoch` epochs in all; empty of others, for only at its end is a
// run's train loss that of its weights over all images, without augmentation.
std::optional<double> gap_at_end(const ReportData& seed, const std::string& run, double epoch);
// The first epoch, of the whole, at whose end the run's test accuracy is at least `accuracy`; empty if it never is.
std::optional<double> epoch_reaching(const ReportData& seed, const std::string& run, double accuracy);
// The most epochs of the whole that pass without an evaluation.
double evaluation_interval(const ReportData& seed, const std::string& run);

}  // namespace thalweg
