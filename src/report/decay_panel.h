// Values against the decay time in a panel: the branches' on a line, the main path's as a level across; their averages'
// in another colour.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report/panels.h"

namespace thalweg {

struct DecayValue {
  std::string run;
  std::optional<double> fork_epoch;  // empty: the main path
  double value = 0;
  std::optional<std::pair<double, double>> interval;  // drawn of branches and their averages
  bool of_fewer_seeds = false;                        // than there are: a ring in place of a dot
};

void add_decay_values(const std::vector<DecayValue>& values, PanelPlan* plan);
std::size_t num_branches(const std::vector<DecayValue>& values);
// `branches` says what the points of the branches are.
std::vector<LegendEntry> decay_legend(const std::vector<DecayValue>& values, const std::string& branches);

}  // namespace thalweg
