#include "base/error.h"
#include "base/statistics.h"
#include "report/decay_panel.h"
#include "report/study.h"

namespace thalweg {
namespace {

constexpr double kLogRatio = 20;

// Means over the seeds.
std::vector<DecayValue> values_of(const std::vector<SweepRun>& runs, const Quantity& quantity) {
  std::vector<DecayValue> out;
  for (const SweepRun& run : runs) {
    std::vector<double> values = finite_values(run.values.at(quantity.key));
    if (values.empty()) continue;
    for (double& v : values) v *= quantity.factor;
    const MeanTest test = test_mean(values);
    DecayValue& value = out.emplace_back(DecayValue{run.name, run.fork_epoch, test.mean, std::nullopt});
    if (test.count > 1) value.interval = {test.low, test.high};
  }
  return out;
}

void add_figure(const Results& results, const std::vector<SweepRun>& runs, const std::string& name, std::size_t first,
                std::size_t index, std::vector<Figure>* figures) {
  std::vector<PanelPlan> plans;
  std::vector<LegendEntry> entries;
  for (std::size_t k = first; k < first + 3; ++k) {
    const Quantity& quantity = quantities()[k];
    const std::vector<DecayValue> values = values_of(runs, quantity);
    if (num_branches(values) < 2) continue;
    PanelPlan plan{.title = quantity.label, .y_label = quantity.label};
    if (quantity.log_axis) plan.log_ratio = kLogRatio;
    add_decay_values(values, &plan);
    if (plans.empty()) entries = decay_legend(values, results.seeds.size() > 1 ? "mean, 95 % interval" : "branches");
    plans.push_back(std::move(plan));
  }
  if (plans.empty()) return;
  const std::string number = index == 0 ? "" : fmt::format("-{}", index + 1);
  figures->push_back({name + number + ".svg",
                      draw_panels(results.title + ": decay time", "Epoch at which the rate decays", plans, entries)});
}

}  // namespace

std::vector<Figure> sweep_figures(const Results& results, std::size_t index) {
  std::vector<Figure> figures;
  const std::vector<SweepRun> runs = sweep_of(results);
  add_figure(results, runs, "decay-sweep", 0, index, &figures);
  add_figure(results, runs, "decay-geometry", 3, index, &figures);
  return figures;
}

}  // namespace thalweg
