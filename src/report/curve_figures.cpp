#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "report/axes.h"
#include "report/figure.h"
#include "report/summary.h"

namespace thalweg {
namespace {

constexpr double kPanelWidth = 400;
constexpr double kPanelHeight = 290;
constexpr double kLeft = 78;
constexpr double kTop = 34;
constexpr double kGap = 92;
constexpr double kRight = 24;
constexpr double kLossLogRatio = 20;

using Curve = std::vector<Point2>;

struct PanelPlan {
  std::string title;
  std::string y_label;
  double log_ratio = kLossLogRatio;
  std::vector<std::pair<Curve, Stroke>> curves;
  std::vector<std::pair<Point2, Stroke>> points;  // with a marker
  std::vector<std::pair<double, Stroke>> levels;  // horizontal lines across the panel
};

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

Panel place_panel(const PanelPlan& plan, std::size_t index, const std::string& x_label) {
  std::vector<double> xs, ys;
  for (const auto& [curve, stroke] : plan.curves) {
    for (const Point2& p : curve) {
      if (!std::isfinite(p.y)) continue;
      xs.push_back(p.x);
      ys.push_back(p.y);
    }
  }
  for (const auto& [p, stroke] : plan.points) {
    xs.push_back(p.x);
    ys.push_back(p.y);
  }
  for (const auto& [level, stroke] : plan.levels) ys.push_back(level);
  const double left = kLeft + static_cast<double>(index) * (kPanelWidth + kGap);
  return {left,
          kTop,
          kPanelWidth,
          kPanelHeight,
          fit_axis(xs, x_label, INFINITY),
          fit_axis(ys, plan.y_label, plan.log_ratio)};
}

std::string draw_figure(const std::string& title, const std::string& x_label, const std::vector<PanelPlan>& plans,
                        const std::vector<LegendEntry>& entries) {
  const double count = static_cast<double>(plans.size());
  const double width = kLeft + count * kPanelWidth + (count - 1) * kGap + kRight, inner = width - kLeft - kRight;
  const double legend_top = kTop + kPanelHeight + 50;
  Svg svg(width, legend_top + legend_height(inner, entries) + 12, title, title);
  for (std::size_t k = 0; k < plans.size(); ++k) {
    const Panel panel = place_panel(plans[k], k, x_label);
    draw_axes(&svg, panel, plans[k].title, true);
    svg.begin_clip({panel.left, panel.top}, panel.width, panel.height);
    for (const auto& [level, stroke] : plans[k].levels) {
      svg.polyline({panel.at(panel.x.low, level), panel.at(panel.x.high, level)}, stroke);
    }
    for (const auto& [curve, stroke] : plans[k].curves) draw_curve(&svg, panel, curve, stroke);
    svg.end_group();
    for (const auto& [p, stroke] : plans[k].points) {
      svg.marker(Marker::kCircle, panel.at(p.x, p.y), 5, stroke.color);
    }
  }
  draw_legend(&svg, {kLeft, legend_top}, inner, entries);
  return svg.finish();
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
    Curve curve;
    for (const EpochMetrics& m : run->epochs) {
      if (const std::optional<double> v = value(m)) curve.push_back({m.epoch, *v});
    }
    if (!curve.empty()) plan->curves.emplace_back(std::move(curve), run_stroke(data, *run));
  }
}

void add_rate_figure(const ReportData& data, std::vector<Figure>* figures) {
  PanelPlan plan{"Learning rate", "Learning rate", kLossLogRatio, {}, {}, {}};
  add_curves(data, &plan, [](const EpochMetrics& m) { return std::optional<double>(m.lr); });
  if (plan.curves.empty()) return;
  figures->push_back(
      {"learning-rate.svg", draw_figure(data.title + ": learning rate", "Epoch", {plan}, run_legend(data))});
}

void add_loss_figure(const ReportData& data, std::vector<Figure>* figures) {
  PanelPlan train{"Train loss", "Loss (nats)", kLossLogRatio, {}, {}, {}};
  PanelPlan test{"Test loss", "Loss (nats)", kLossLogRatio, {}, {}, {}};
  add_curves(data, &train, [](const EpochMetrics& m) { return std::optional<double>(m.train_loss); });
  add_curves(data, &test, [](const EpochMetrics& m) { return m.test_loss; });
  if (train.curves.empty()) return;
  std::vector<PanelPlan> plans{train};
  if (!test.curves.empty()) plans.push_back(test);
  figures->push_back({"loss.svg", draw_figure(data.title + ": loss curves", "Epoch", plans, run_legend(data))});
}

void add_decay_points(const std::vector<DecayRow>& rows, std::optional<double> DecayRow::*column, double factor,
                      PanelPlan* plan) {
  const Stroke line{"#0072b2", 1.8, "", 1}, level{kMainColor, 1.8, "6 4", 1};
  Curve curve;
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
  PanelPlan loss{"Final test loss", "Loss (nats)", kLossLogRatio, {}, {}, {}};
  PanelPlan accuracy{"Final test accuracy", "Accuracy (%)", INFINITY, {}, {}, {}};
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
      {"decay-time.svg", draw_figure(data.title + ": decay time", "Epoch at which the rate decays", plans, entries)});
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
