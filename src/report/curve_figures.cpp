#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "report/figure.h"
#include "report/panels.h"
#include "report/summary.h"

namespace thalweg {
namespace {

constexpr double kLossLogRatio = 20;

Stroke run_stroke(const ReportData& data, const RunSeries& run) {
  const LineStyle style = run_style(data, run.name);
  return {style.color, is_main(run.name) ? 2.2 : 1.7, style.dash, 1};
}

std::vector<LegendEntry> run_legend(const ReportData& data) {
  std::vector<LegendEntry> entries;
  for (const RunSeries& run : data.runs) {
    if (!run.epochs.empty())
      entries.push_back({is_main(run.name) ? "main path" : run.name, run_stroke(data, run), false, {}, ""});
  }
  return entries;
}

// Runs in drawing order: branches first, so that the main path is not hidden.
std::vector<const RunSeries*> drawing_order(const ReportData& data) {
  std::vector<const RunSeries*> runs;
  for (const RunSeries& run : data.runs) runs.push_back(&run);
  std::stable_sort(runs.begin(), runs.end(),
                   [](const RunSeries* a, const RunSeries* b) { return !is_main(a->name) && is_main(b->name); });
  return runs;
}

template <typename Value>
void add_curves(const ReportData& data, PanelPlan* plan, const Value& value) {
  for (const RunSeries* run : drawing_order(data)) {
    std::vector<Point2> curve;
    for (const EpochMetrics& m : run->epochs) {
      if (const std::optional<double> v = value(m)) curve.push_back({m.epoch, *v});
    }
    if (!curve.empty()) plan->curves.emplace_back(std::move(curve), run_stroke(data, *run));
  }
}

void add_rate_figure(const ReportData& data, std::vector<Figure>* figures) {
  PanelPlan plan{.title = "Learning rate", .y_label = "Learning rate", .log_ratio = kLossLogRatio};
  add_curves(data, &plan, [](const EpochMetrics& m) { return std::optional<double>(m.lr); });
  if (plan.curves.empty()) return;
  figures->push_back(
      {"learning-rate.svg", draw_panels(data.title + ": learning rate", "Epoch", {plan}, run_legend(data))});
}

void add_loss_figure(const ReportData& data, std::vector<Figure>* figures) {
  PanelPlan train{.title = "Train loss", .y_label = "Loss (nats)", .log_ratio = kLossLogRatio};
  PanelPlan test{.title = "Test loss", .y_label = "Loss (nats)", .log_ratio = kLossLogRatio};
  add_curves(data, &train, [](const EpochMetrics& m) { return std::optional<double>(m.train_loss); });
  add_curves(data, &test, [](const EpochMetrics& m) { return m.test_loss; });
  if (train.curves.empty()) return;
  std::vector<PanelPlan> plans{train};
  if (!test.curves.empty()) plans.push_back(test);
  figures->push_back({"loss.svg", draw_panels(data.title + ": loss curves", "Epoch", plans, run_legend(data))});
}

void add_decay_points(const std::vector<DecayRow>& rows, std::optional<double> DecayRow::*column, double factor,
                      PanelPlan* plan) {
  const Stroke line{"#0072b2", 1.8, "", 1}, level{kMainColor, 1.8, "6 4", 1};
  std::vector<Point2> curve;
  for (const DecayRow& row : rows) {
    if (!(row.*column)) continue;
    const double value = factor * *(row.*column);
    if (!row.fork_epoch) {
      plan->levels.emplace_back(value, level);
      continue;
    }
    curve.push_back({*row.fork_epoch, value});
    plan->points.emplace_back(curve.back(), line);
  }
  if (!curve.empty()) plan->curves.emplace_back(curve, line);
}

void add_decay_figure(const ReportData& data, std::vector<Figure>* figures) {
  const std::vector<DecayRow> rows = decay_rows(data);
  PanelPlan loss{.title = "Final test loss", .y_label = "Loss (nats)", .log_ratio = kLossLogRatio};
  PanelPlan accuracy{.title = "Final test accuracy", .y_label = "Accuracy (%)"};
  add_decay_points(rows, &DecayRow::test_loss, 1, &loss);
  add_decay_points(rows, &DecayRow::test_accuracy, 100, &accuracy);
  std::vector<PanelPlan> plans;
  for (const PanelPlan& plan : {loss, accuracy}) {
    if (!plan.points.empty()) plans.push_back(plan);
  }
  if (plans.empty()) return;
  std::vector<LegendEntry> entries{
      {"branches, by decay time", {"#0072b2", 1.8, "", 1}, true, Marker::kCircle, "#0072b2"}};
  if (!plans.front().levels.empty()) entries.push_back({"main path", {kMainColor, 1.8, "6 4", 1}, false, {}, ""});
  figures->push_back(
      {"decay-time.svg", draw_panels(data.title + ": decay time", "Epoch at which the rate decays", plans, entries)});
}

}  // namespace

std::vector<Figure> curve_figures(const ReportData& data) {
  std::vector<Figure> figures;
  add_rate_figure(data, &figures);
  add_loss_figure(data, &figures);
  add_decay_figure(data, &figures);
  return figures;
}

}  // namespace thalweg
