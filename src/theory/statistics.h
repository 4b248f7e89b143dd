// Means over the data sets, and the phases that a cell goes through.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/statistics.h"
#include "theory/flow.h"

namespace thalweg {

// A cell at one recorded step, over the data sets whose run has not diverged by then.
struct CellState {
  std::int64_t diverged = 0;
  Statistic train_loss, test_risk, norm;
  Statistic norm_ratio;      // ||w|| over that of the data set's minimum-norm solution
  Statistic distance_ratio;  // ||w - solution|| over ||solution||
};

// Everything that tables and figures are made of.
struct TheoryStudy {
  TheoryConfig config;
  std::vector<TheoryProblem> problems;
  std::vector<TheoryCell> cells;
  TheoryRuns runs;
  std::vector<std::vector<FlowPoint>> flows;  // mean_flows at the runs' steps for gamma = 0, none for others

  CellState state(std::size_t cell, std::size_t record) const;
  CellState final_state(std::size_t cell) const { return state(cell, runs.steps.size() - 1); }
  Statistic solution_norm() const;
  Statistic solution_risk() const;
};

// Whether the mean train loss has come down by then: to 1 % of the first or, with noise anew at each step, to
// eta sigma^2 d ||w||^(2 gamma) / B at the rate that led there. That is four times what a small rate keeps it at.
bool has_descended(const TheoryStudy& study, std::size_t cell, std::size_t record);
// The first record at which it has, before the decay or behind it; empty if there is none.
std::optional<std::size_t> end_of_descent(const TheoryStudy& study, std::size_t cell);

// How a cell ended, by its means.
enum class Ending {
  kDiverged,    // at least half of the runs
  kDescending,  // not has_descended
  kMinimum,     // at a minimum, but farther from the minimum-norm solution than a fifth of its norm
  kSolution     // within that
};
const char* to_string(Ending ending);
Ending ending_of(const TheoryStudy& study, std::size_t cell);

// Of the cells of which no run diverged, the one with the least risk; none if all have one.
std::optional<std::size_t> best_cell(const TheoryStudy& study);

// Records that part a cell's path: descent up to `descended`, then up to `decayed` drift along the minima or, where
// there is none (drift_steps is infinite), rest at one, then decay. A rate that never changes has its end as `decayed`.
struct Phases {
  std::size_t descended = 0;  // end_of_descent; `decayed` if that is not before it
  std::size_t decayed = 0;    // the first that is not before the rate changes
};
Phases phases_of(const TheoryStudy& study, std::size_t cell);

}  // namespace thalweg
