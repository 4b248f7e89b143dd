// Where the runs ended, as rows, and the headline findings, computed once for the page and the figures.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/report.h"

namespace thalweg {

// One run as a row: when its rate was reduced and where it ended. Accuracies are fractions.
struct DecayRow {
  std::string name;
  std::optional<double> fork_epoch;  // empty: the main path, never reduced by a branch
  std::optional<double> train_loss;
  std::optional<double> train_accuracy;
  std::optional<double> test_loss;
  std::optional<double> test_accuracy;
  bool diverged = false;  // so it has no values
};
// By fork epoch, the main path last, each average behind its run. A value that is absent or not finite is empty.
std::vector<DecayRow> decay_rows(const ReportData& data);
// Of several seeds: each run that any of them has, once, in the same order; its values those of the first that has it.
std::vector<DecayRow> decay_rows(const std::vector<ReportData>& seeds);

// The headline findings, a sentence each: which decay time gives the best test loss and accuracy, the minima.
std::vector<std::string> findings(const ReportData& data);

}  // namespace thalweg
