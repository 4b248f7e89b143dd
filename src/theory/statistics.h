// Means over the data sets, and the phases of a cell's runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/statistics.h"
#include "theory/flow.h"

namespace thalweg {

// A cell at one recorded step, over the data sets on which its run has not diverged by then.
struct CellState {
  std::int64_t diverged = 0;
  Statistic train_loss, test_risk, norm;
  Statistic norm_ratio;      // ||w|| / ||solution||, the data set's minimum-norm solution
  Statistic distance_ratio;  // ||w - solution|| / ||solution||
};

// All data that the tables and figures are made from.
struct TheoryStudy {
  TheoryConfig config;
  std::vector<TheoryProblem> problems;
  std::vector<TheoryCell> cells;
  TheoryRuns runs;
  std::vector<std::vector<FlowPoint>> flows;  // mean_flows at the runs' steps; empty unless gamma = 0

  CellState state(std::size_t cell, std::size_t record) const;
  CellState final_state(std::size_t cell) const { return state(cell, runs.steps.size() - 1); }
  Statistic solution_norm() const;
  Statistic solution_risk() const;
};

// Whether the mean train loss has come down by this record: to 1 % of its initial value or, with fresh label noise, to
// eta sigma^2 d ||w||^(2 gamma) / B at the preceding step's rate. That is four times the level at which the noise keeps
// it for a small rate.
bool has_descended(const TheoryStudy& study, std::size_t cell, std::size_t record);
// The first record at which has_descended holds, before or after the decay; nullopt if there is none.
std::optional<std::size_t> end_of_descent(const TheoryStudy& study, std::size_t cell);

// How a cell ended, according to its means.
enum class Ending {
  kDiverged,    // at least half of the runs
  kDescending,  // has_descended is false
  kMinimum,     // farther from the minimum-norm solution than a fifth of its norm
  kSolution     // within a fifth of that norm
};
const char* to_string(Ending ending);
Ending ending_of(const TheoryStudy& study, std::size_t cell);

// The cell with the least risk among those without a diverged run; nullopt if every cell has one.
std::optional<std::size_t> best_cell(const TheoryStudy& study);

// The records that separate the phases of a cell: descent up to `descended`; then, up to `decayed`, drift along the
// minima, or rest at a minimum if there is no drift (drift_steps is infinite); then decay. For a rate that never
// changes, `decayed` is the last record.
struct Phases {
  std::size_t descended = 0;  // end_of_descent, but at most `decayed`
  std::size_t decayed = 0;    // the first record at or after the rate changes
};
Phases phases_of(const TheoryStudy& study, std::size_t cell);

}  // namespace thalweg
