#include "theory/cells.h"

#include <algorithm>

#include "base/error.h"

namespace thalweg {
namespace {

TheoryCell make_cell(const TheoryConfig& config, std::string name, const nlohmann::json& schedule,
                     const std::string& path) {
  TheoryCell cell{std::move(name), 0, {}, Schedule(schedule, path, 1, static_cast<double>(config.steps))};
  const std::int64_t warmup = cell.schedule.warmup_steps();
  cell.rate = cell.schedule.lr(warmup);
  const std::vector<std::int64_t> changes = cell.schedule.change_steps(config.steps);
  const auto decay = std::upper_bound(changes.begin(), changes.end(), warmup);
  if (decay != changes.end()) cell.decay_at = *decay;
  return cell;
}

}  // namespace

std::vector<TheoryCell> make_cells(const TheoryConfig& config) {
  std::vector<TheoryCell> cells;
  if (!config.schedules.is_null()) {
    for (const auto& [name, schedule] : config.schedules.items())
      cells.push_back(make_cell(config, name, schedule, "theory.schedules." + name));
    return cells;
  }
  for (const double rate : config.rates) {
    for (const std::int64_t time : config.decay_times) {
      const nlohmann::json schedule = {
          {"kind", "late_decay"}, {"lr", rate}, {"decay_at", time}, {"factor", config.factor}};
      cells.push_back(
          make_cell(config, fmt::format("rate {:.3g}, decay at {}", rate, time), schedule, "theory.decay_times"));
      cells.back().rate = rate;
      cells.back().decay_at = time;
    }
  }
  return cells;
}

}  // namespace thalweg
