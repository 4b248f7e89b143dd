// Decay times against each other at equal total epochs, seed by seed. The baseline is the branch that decays first.
#pragma once

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/statistics.h"
#include "report/results.h"

namespace thalweg {

// Runs with a fork that some seed is done with, by fork epoch; no averages.
std::vector<SweepRun> branches_of(const Results& results);

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
