// Compares decay times at equal total epochs, seed by seed. The baseline is the branch that decays first.
#pragma once

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/statistics.h"
#include "report/results.h"
#include "report/summary.h"

namespace thalweg {

// A branch as listed in a configuration.
struct BranchAt {
  std::string name;
  double fork_epoch = 0;
};

// Returns the branches (given by fork epoch) that differ in the decay time alone. Keeps only branches with the schedule
// that at least half of them share (the first of two such schedules; all branches if no schedule is shared so widely),
// and if several fork together only the first. `config` is the experiment's; the branches that it does not name count
// as having the same schedule.
std::vector<std::string> comparable_branches(const nlohmann::json& config, const std::vector<BranchAt>& branches);

// decay_rows without branches that differ in more than the decay time, and without their averages.
std::vector<DecayRow> comparable_rows(const ReportData& data);

// The runs for a comparison of decay times.
struct DecaySweep {
  std::vector<SweepRun> runs;         // comparable branches that some seed has finished, by fork epoch; no averages
  std::vector<std::string> left_out;  // finished branches that are not comparable
  bool one_schedule = true;           // whether all `runs` have the same schedule
};
DecaySweep decay_sweep(const Results& results);

// Branches that can be compared after the same number of epochs: the earliest end of all, or `at_most` if that is
// earlier. Only branches that have decayed by then.
struct EqualEnds {
  double epoch = 0;
  std::vector<SweepRun> runs;
  std::vector<const ReportData*> seeds;  // into the results: seeds in which all these runs were evaluated then
};
EqualEnds equal_ends(const Results& results, double at_most = INFINITY);

// Returns `f` of each seed, leaving out seeds without a finite value.
std::vector<double> by_seed(const std::vector<const ReportData*>& seeds,
                            const std::function<std::optional<double>(const ReportData&)>& f);
// Late minus early after `epoch` epochs, by seed: accuracy in percentage points, loss in nats.
std::vector<double> differences(const std::vector<const ReportData*>& seeds, const std::string& late,
                                const std::string& early, double epoch, TestMetric metric);

// The p-value for Holm's method. Differences that are 0 in every seed have none, but are a test like the others: 1.
double p_of(const MeanTest& test);

// A branch against the baseline: late minus early, seed by seed.
struct Comparison {
  std::string run;
  double fork_epoch = 0;
  double epoch = 0;                   // at which both are compared
  MeanTest accuracy;                  // percentage points
  MeanTest loss;                      // nats
  double accuracy_p = 0, loss_p = 0;  // by Holm's method over all comparisons
};

// Compares every branch but the baseline with it, if both were evaluated after the same number of epochs, past both
// forks.
std::vector<Comparison> compare_decay_times(const Results& results);

}  // namespace thalweg
