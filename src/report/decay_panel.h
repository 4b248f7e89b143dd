// Draws values against the decay time in a panel: branches on a line, the main path as a horizontal level, and their
// averages in another colour.
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
  std::optional<std::pair<double, double>> interval;  // drawn for branches and their averages only
  bool of_fewer_seeds = false;                        // fewer than there are: a ring instead of a dot
};

void add_decay_values(const std::vector<DecayValue>& values, PanelPlan* plan);
std::size_t num_branches(const std::vector<DecayValue>& values);
// `branches` names the points of the branches.
std::vector<LegendEntry> decay_legend(const std::vector<DecayValue>& values, const std::string& branches);

}  // namespace thalweg
