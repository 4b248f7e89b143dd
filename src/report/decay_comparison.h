// Decay times against each other at equal total epochs, seed by seed. The baseline is the branch that decays first.
#pragma once

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/statistics.h"
#include "report/results.h"

namespace thalweg {

// A branch as a configuration has it.
struct BranchAt {
  std::string name;
  double fork_epoch = 0;
};

// Those of the branches, given by fork epoch, that tell of the decay time alone: of the schedule that half of them or
// more have (of two the one that comes first; where none is, all of them), the first of those that fork together.
// `config` is the experiment's; a branch that it does not name has no schedule, as others like it.
std::vector<std::string> comparable_branches(const nlohmann::json& config, const std::vector<BranchAt>& branches);

// What a comparison of decay times is made of.
struct DecaySweep {
  std::vector<SweepRun> runs;         // comparable branches that some seed is done with, by fork epoch; no averages
  std::vector<std::string> left_out;  // such branches that are not comparable
  bool one_schedule = true;           // of all runs
};
DecaySweep decay_sweep(const Results& results);

// Branches that can be compared after one number of epochs: the earliest end of all, or `at_most`; of those that have
// decayed by then.
struct EqualEnds {
  double epoch = 0;
  std::vector<SweepRun> runs;
  std::vector<const ReportData*> seeds;  // of the results: those in which each of these runs was evaluated then
};
EqualEnds equal_ends(const Results& results, double at_most = INFINITY);

// One number a seed, of those seeds that have a finite one.
std::vector<double> by_seed(const std::vector<const ReportData*>& seeds,
                            const std::function<std::optional<double>(const ReportData&)>& f);
// factor * (late - early) of "test_accuracy" or "test_loss" after `epoch` epochs, by seed.
std::vector<double> differences(const std::vector<const ReportData*>& seeds, const std::string& late,
                                const std::string& early, double epoch, const std::string& key, double factor);

// A branch against the baseline: late minus early, seed by seed.
struct Comparison {
  std::string run;
  double fork_epoch = 0;
  double epoch = 0;                   // after which both are looked at
  MeanTest accuracy;                  // percentage points
  MeanTest loss;                      // nats
  double accuracy_p = 0, loss_p = 0;  // by Holm's method over all comparisons
};

// Of every branch but the baseline, where both were evaluated after the same number of epochs, behind both forks.
std::vector<Comparison> compare_decay_times(const Results& results);

}  // namespace thalweg
