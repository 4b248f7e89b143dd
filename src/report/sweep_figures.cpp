#include <cmath>

#include "base/error.h"
#include "base/statistics.h"
#include "report/colors.h"
#include "report/panels.h"
#include "report/study.h"

namespace thalweg {
namespace {

constexpr double kLogRatio = 20;
const Stroke kMean{"#0072b2", 1.8, "", 1};
const Stroke kBar{"#0072b2", 1.2, "", 0.8};
const Stroke kLevel{kMainColor, 1.8, "6 4", 1};

PanelPlan panel_of(const std::vector<SweepRun>& runs, const Quantity& quantity) {
  PanelPlan plan{.title = quantity.label, .y_label = quantity.label};
  if (quantity.log_axis) plan.log_ratio = kLogRatio;
  std::vector<Point2> curve;
  for (const SweepRun& run : runs) {
    std::vector<double> values = finite_values(run.values.at(quantity.key));
    if (values.empty()) continue;
    for (double& v : values) v *= quantity.factor;
    const MeanTest test = test_mean(values);
    if (!run.fork_epoch) {
      plan.levels.emplace_back(test.mean, kLevel);
      continue;
    }
    curve.push_back({*run.fork_epoch, test.mean});
    plan.points.emplace_back(curve.back(), kMean);
    if (test.count > 1) plan.curves.push_back({{{*run.fork_epoch, test.low}, {*run.fork_epoch, test.high}}, kBar});
  }
  plan.curves.emplace_back(curve, kMean);
  return plan;
}

void add_figure(const Results& results, const std::vector<SweepRun>& runs, const std::string& name, std::size_t first,
                std::size_t index, std::vector<Figure>* figures) {
  std::vector<PanelPlan> plans;
  for (std::size_t k = first; k < first + 3; ++k) {
    PanelPlan plan = panel_of(runs, quantities()[k]);
    if (plan.points.size() > 1) plans.push_back(std::move(plan));
  }
  if (plans.empty()) return;
  const std::string bars = results.seeds.size() > 1 ? "mean, 95 % interval" : "branches";
  std::vector<LegendEntry> entries{{bars, kMean, true, Marker::kCircle, kMean.color}};
  if (!plans.front().levels.empty()) entries.push_back({"main path", kLevel, false, {}, ""});
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
