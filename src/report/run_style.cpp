#include "report/run_style.h"

#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

// Returns the branches in the order of their colours: by fork epoch, then name; last those that occur only in paths.
std::vector<std::string> branch_order(const ReportData& data) {
  std::vector<const RunSeries*> runs;
  for (const RunSeries& run : data.runs) {
    if (!is_main(run.name)) runs.push_back(&run);
  }
  std::stable_sort(runs.begin(), runs.end(), [](const RunSeries* a, const RunSeries* b) {
    return std::tuple(a->fork_epoch.value_or(0), a->name) < std::tuple(b->fork_epoch.value_or(0), b->name);
  });
  std::vector<std::string> names;
  const auto add = [&](const std::string& run) {
    const std::string name = split_run_name(run).run;
    if (name != kMainRun && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const RunSeries* run : runs) add(run->name);
  for (const Surface& surface : data.surfaces) {
    for (const PathPoint& point : surface.path) add(point.run);
  }
  return names;
}

}  // namespace

bool is_main(const std::string& run) {
  const RunName name = split_run_name(run);
  return name.run == kMainRun && !name.is_average;
}

bool is_average(const std::string& run) {
  return split_run_name(run).is_average;
}

std::string run_label(const RunName& name) {
  const bool main = name.run == kMainRun;
  std::string label = main ? "main path" : name.run;
  if (name.is_average) label = fmt::format("average of {}{}", main ? "the " : "", label);
  return name.seed.empty() ? label : fmt::format("{}, seed {}", label, name.seed);
}

LineStyle run_style(const ReportData& data, const std::string& run) {
  const RunName name = split_run_name(run);
  LineStyle style{kMainColor, ""};
  if (name.run != kMainRun) {
    const std::vector<std::string> order = branch_order(data);
    const auto found = std::find(order.begin(), order.end(), name.run);
    style = branch_style(static_cast<std::size_t>(found - order.begin()));
  }
  return name.is_average ? average_style(style) : style;
}

}  // namespace thalweg
