#include "report/decay_panel.h"

#include <algorithm>

#include "report/run_style.h"

namespace thalweg {
namespace {

const Stroke kBranches{"#0072b2", 1.8, "", 1}, kMain{kMainColor, 1.8, "6 4", 1};
const Stroke kBranchAverages{"#d55e00", 1.8, "12 4", 1}, kMainAverage{"#d55e00", 1.8, "2 3", 1};

const Stroke& stroke_of(bool of_branch, bool average) {
  if (of_branch) return average ? kBranchAverages : kBranches;
  return average ? kMainAverage : kMain;
}

bool has(const std::vector<DecayValue>& values, bool of_branch, bool average) {
  return std::any_of(values.begin(), values.end(), [&](const DecayValue& value) {
    return value.fork_epoch.has_value() == of_branch && is_average(value.run) == average;
  });
}

// Adds the line through the runs that forked, or through their averages.
void add_line(const std::vector<DecayValue>& values, bool average, PanelPlan* plan) {
  const Stroke& stroke = stroke_of(true, average);
  std::vector<Point2> curve;
  for (const DecayValue& value : values) {
    if (!value.fork_epoch || is_average(value.run) != average) continue;
    const double x = *value.fork_epoch;
    curve.push_back({x, value.value});
    plan->points.push_back({curve.back(), stroke.color, value.of_fewer_seeds ? Marker::kRing : Marker::kCircle});
    if (!value.interval) continue;
    const std::vector<Point2> bar{{x, value.interval->first}, {x, value.interval->second}};
    plan->curves.emplace_back(bar, Stroke{stroke.color, 1.2, "", 0.8});
  }
  if (!curve.empty()) plan->curves.emplace_back(curve, stroke);
}

}  // namespace

void add_decay_values(const std::vector<DecayValue>& values, PanelPlan* plan) {
  for (const DecayValue& value : values) {
    if (!value.fork_epoch) plan->levels.emplace_back(value.value, stroke_of(false, is_average(value.run)));
  }
  for (const bool average : {true, false}) add_line(values, average, plan);
}

std::size_t num_branches(const std::vector<DecayValue>& values) {
  return static_cast<std::size_t>(std::count_if(values.begin(), values.end(), [](const DecayValue& value) {
    return value.fork_epoch && !is_average(value.run);
  }));
}

std::vector<LegendEntry> decay_legend(const std::vector<DecayValue>& values, const std::string& branches) {
  std::vector<LegendEntry> entries{{branches, kBranches, true, Marker::kCircle, kBranches.color}};
  if (has(values, true, true))
    entries.push_back({"averages of branches", kBranchAverages, true, Marker::kCircle, kBranchAverages.color});
  if (has(values, false, false)) entries.push_back({"main path", kMain, false, {}, ""});
  if (has(values, false, true)) entries.push_back({"average of the main path", kMainAverage, false, {}, ""});
  return entries;
}

}  // namespace thalweg
