#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/statistics.h"
#include "report/decay_comparison.h"
#include "report/decay_panel.h"
#include "report/study.h"
#include "trajectory/run_name.h"

namespace thalweg {
namespace {

constexpr std::size_t kNumLosses = 4;  // the first figure shows the quantities up to the gap

// Returns means over the seeds.
std::vector<DecayValue> values_of(const std::vector<SweepRun>& runs, const Quantity& quantity) {
  std::vector<DecayValue> out;
  for (const SweepRun& run : runs) {
    std::vector<double> values = finite_values(run.values.at(quantity.key));
    if (values.empty()) continue;
    for (double& v : values) v *= quantity.factor;
    const MeanTest test = test_mean(values);
    DecayValue& value = out.emplace_back(DecayValue{run.name, run.fork_epoch, test.mean, std::nullopt});
    if (test.count > 1) value.interval = {test.low, test.high};
    value.of_fewer_seeds = values.size() < run.values.at(quantity.key).size();
  }
  return out;
}

void add_figure(const Results& results, const std::vector<SweepRun>& runs, const std::string& name,
                std::span<const Quantity> shown, std::size_t index, std::vector<Figure>* figures) {
  std::vector<PanelPlan> plans;
  std::vector<LegendEntry> entries;
  const std::size_t seeds = results.seeds.size();
  bool fewer = false;
  for (const Quantity& quantity : shown) {
    const std::vector<DecayValue> values = values_of(runs, quantity);
    if (num_branches(values) < 2) continue;
    PanelPlan plan{.title = quantity.label, .y_label = quantity.label};
    if (quantity.log_axis) plan.log_ratio = kLogAxisRatio;
    add_decay_values(values, &plan);
    if (plans.empty()) entries = decay_legend(values, seeds > 1 ? "mean, 95 % interval" : "branches");
    fewer = fewer || std::ranges::any_of(plan.points, [](const PanelPoint& p) { return p.marker == Marker::kRing; });
    plans.push_back(std::move(plan));
  }
  if (plans.empty()) return;
  if (fewer) {
    LegendEntry ring = entries.front();
    ring.name = fmt::format("of fewer than {} seeds", seeds);
    ring.marker = Marker::kRing;
    entries.push_back(std::move(ring));
  }
  const std::string number = index == 0 ? "" : fmt::format("-{}", index + 1);
  figures->push_back({name + number + ".svg",
                      draw_panels(results.title + ": decay time", "Epoch at which the rate decays", plans, entries)});
}

}  // namespace

std::vector<Figure> sweep_figures(const Results& results, std::size_t index) {
  std::vector<Figure> figures;
  std::vector<SweepRun> runs = sweep_of(results);
  const std::vector<std::string> left_out = decay_sweep(results).left_out;
  std::erase_if(runs,
                [&](const SweepRun& run) { return std::ranges::count(left_out, split_run_name(run.name).run) > 0; });
  const std::span<const Quantity> all = quantities(), losses = all.first(kNumLosses);
  add_figure(results, runs, "decay-sweep", losses, index, &figures);
  add_figure(results, runs, "decay-geometry", all.subspan(losses.size()), index, &figures);
  return figures;
}

}  // namespace thalweg
