// Final values of the runs as rows, and the main findings, computed once for the page and the figures.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/report.h"

namespace thalweg {

// One run as a row: when its rate was reduced, and its final values. Accuracies are fractions.
struct DecayRow {
  std::string name;
  std::optional<double> fork_epoch;  // empty: the main path, which no branch reduced
  std::optional<double> train_loss;
  std::optional<double> train_accuracy;
  std::optional<double> test_loss;
  std::optional<double> test_accuracy;
  bool diverged = false;  // it then has no values
};
// Ordered by fork epoch, the main path last, each average after its run. Absent values and those not finite are empty.
std::vector<DecayRow> decay_rows(const ReportData& data);
// Over several seeds: each run that any seed has, once, in the same order, with the values of the first seed that has
// it.
std::vector<DecayRow> decay_rows(const std::vector<ReportData>& seeds);

// The main findings, one sentence each: the decay times with the best test loss and accuracy, and the minima.
std::vector<std::string> findings(const ReportData& data);

}  // namespace thalweg
