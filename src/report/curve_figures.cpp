#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "report/decay_comparison.h"
#include "report/decay_panel.h"
#include "report/figure.h"
#include "report/panels.h"
#include "report/run_style.h"
#include "report/summary.h"

namespace thalweg {
namespace {

Stroke run_stroke(const ReportData& data, const RunSeries& run) {
  const LineStyle style = run_style(data, run.name);
  return {style.color, is_main(run.name) ? 2.2 : 1.7, style.dash, 1};
}

void add_entries(const ReportData& data, const std::vector<RunSeries>& series, std::vector<LegendEntry>* entries) {
  for (const RunSeries& run : series) {
    if (!run.epochs.empty())
      entries->push_back({run_label(split_run_name(run.name)), run_stroke(data, run), false, {}, ""});
  }
}

std::vector<LegendEntry> run_legend(const ReportData& data) {
  std::vector<LegendEntry> entries;
  add_entries(data, data.runs, &entries);
  return entries;
}

// Returns the series in drawing order: branches first, so that they do not hide the main path.
std::vector<const RunSeries*> drawing_order(const std::vector<RunSeries>& series) {
  std::vector<const RunSeries*> runs;
  for (const RunSeries& run : series) runs.push_back(&run);
  std::stable_sort(runs.begin(), runs.end(),
                   [](const RunSeries* a, const RunSeries* b) { return !is_main(a->name) && is_main(b->name); });
  return runs;
}

template <typename Value>
void add_curves(const ReportData& data, const std::vector<RunSeries>& series, PanelPlan* plan, const Value& value) {
  for (const RunSeries* run : drawing_order(series)) {
    std::vector<Point2> curve;
    for (const EpochMetrics& m : run->epochs) {
      if (const std::optional<double> v = value(m)) curve.push_back({m.epoch, *v});
    }
    if (!curve.empty()) plan->curves.emplace_back(std::move(curve), run_stroke(data, *run));
  }
}

void add_rate_figure(const ReportData& data, std::vector<Figure>* figures) {
  PanelPlan plan{.title = "Learning rate", .y_label = "Learning rate", .log_ratio = kLogAxisRatio};
  for (const RunSeries* run : drawing_order(data.runs)) {
    std::vector<Point2> curve;
    for (const RatePoint& point : run->rates) curve.push_back({point.epoch, point.lr});
    if (!curve.empty() && !run->epochs.empty()) plan.curves.emplace_back(std::move(curve), run_stroke(data, *run));
  }
  if (plan.curves.empty()) return;
  figures->push_back(
      {"learning-rate.svg", draw_panels(data.title + ": learning rate", "Epoch", {plan}, run_legend(data))});
}

void add_loss_figure(const ReportData& data, std::vector<Figure>* figures) {
  PanelPlan train{.title = "Train loss", .y_label = "Loss (nats)", .log_ratio = kLogAxisRatio};
  PanelPlan test{.title = "Test loss", .y_label = "Loss (nats)", .log_ratio = kLogAxisRatio};
  const auto test_loss = [](const EpochMetrics& m) { return m.test_loss; };
  add_curves(data, data.runs, &train, [](const EpochMetrics& m) { return std::optional<double>(m.train_loss); });
  add_curves(data, data.runs, &test, test_loss);
  add_curves(data, data.averages, &test, test_loss);
  if (train.curves.empty()) return;
  std::vector<PanelPlan> plans{train};
  if (!test.curves.empty()) plans.push_back(test);
  std::vector<LegendEntry> entries = run_legend(data);
  add_entries(data, data.averages, &entries);
  figures->push_back({"loss.svg", draw_panels(data.title + ": loss curves", "Epoch", plans, entries)});
}

std::vector<DecayValue> decay_values(const std::vector<DecayRow>& rows, std::optional<double> DecayRow::*column,
                                     double factor) {
  std::vector<DecayValue> values;
  for (const DecayRow& row : rows) {
    if (row.*column) values.push_back({row.name, row.fork_epoch, factor * *(row.*column), std::nullopt});
  }
  return values;
}

void add_decay_figure(const ReportData& data, std::vector<Figure>* figures) {
  const std::vector<DecayRow> rows = comparable_rows(data);
  PanelPlan loss{.title = "Final test loss", .y_label = "Loss (nats)", .log_ratio = kLogAxisRatio};
  PanelPlan accuracy{.title = "Final test accuracy", .y_label = "Accuracy (%)"};
  std::vector<PanelPlan> plans;
  std::vector<LegendEntry> entries;
  const auto add = [&](PanelPlan& plan, const std::vector<DecayValue>& values) {
    if (num_branches(values) == 0) return;
    add_decay_values(values, &plan);
    if (plans.empty()) entries = decay_legend(values, "branches, by decay time");
    plans.push_back(plan);
  };
  add(loss, decay_values(rows, &DecayRow::test_loss, 1));
  add(accuracy, decay_values(rows, &DecayRow::test_accuracy, 100));
  if (plans.empty()) return;
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
