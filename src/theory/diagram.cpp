#include "theory/diagram.h"

#include <algorithm>
#include <cmath>

#include "report/axes.h"
#include "report/color_bar.h"
#include "report/colors.h"
#include "report/levels.h"
#include "theory/figures.h"

namespace thalweg {
namespace {

constexpr double kPanelSize = 330;
constexpr double kLeft = 78;
constexpr double kTop = 34;
constexpr double kGap = 78;  // space for the second panel's axis numbers
constexpr double kBarGap = 12;
constexpr std::size_t kMaxLevels = 24;
constexpr const char* kDivergedColor = "#dcdcdc";
const Stroke kDrift{"#d55e00", 2, "7 4", 1};

// The borders between cells, halfway between neighbouring centres (between their logarithms if `log`); no border lies
// below a centre at 0.
std::vector<double> borders(std::vector<double> centres, bool log) {
  if (log) {
    for (double& c : centres) c = std::log(c);
  }
  const std::size_t n = centres.size();
  const double alone = log ? 0.5 : std::max(0.5, std::abs(centres[0]) / 2);
  std::vector<double> out{n > 1 ? centres[0] - (centres[1] - centres[0]) / 2 : centres[0] - alone};
  for (std::size_t i = 1; i < n; ++i) out.push_back((centres[i - 1] + centres[i]) / 2);
  out.push_back(n > 1 ? centres[n - 1] + (centres[n - 1] - centres[n - 2]) / 2 : centres[0] + alone);
  if (log) {
    for (double& b : out) b = std::exp(b);
  } else if (centres[0] >= 0) {
    out[0] = std::max(out[0], 0.0);
  }
  return out;
}

struct Diagram {
  const TheoryStudy& study;
  std::vector<CellState> ends;       // final states of the cells
  std::vector<double> times, rates;  // borders of the cells
};

Diagram make_diagram(const TheoryStudy& study) {
  Diagram diagram{study, {}, {}, borders(study.config.rates, true)};
  for (std::size_t c = 0; c < study.cells.size(); ++c) diagram.ends.push_back(study.final_state(c));
  diagram.times = borders({study.config.decay_times.begin(), study.config.decay_times.end()}, false);
  return diagram;
}

bool has_diverged(const Diagram& diagram, const CellState& end) {
  return 2 * end.diverged >= diagram.study.runs.num_sets;
}

void draw_cells(Svg* svg, const Diagram& diagram, const Panel& panel, Statistic CellState::*value,
                const LevelScale& scale) {
  const std::size_t times = diagram.study.config.decay_times.size();
  for (std::size_t c = 0; c < diagram.ends.size(); ++c) {
    const CellState& end = diagram.ends[c];
    const std::size_t i = c / times, j = c % times;
    const Point2 low = panel.at(diagram.times[j], diagram.rates[i]);
    const Point2 high = panel.at(diagram.times[j + 1], diagram.rates[i + 1]);
    const bool diverged = has_diverged(diagram, end);
    const std::string color = diverged ? kDivergedColor : band_color(scale, (end.*value).mean);
    svg->rect({low.x, high.y}, high.x - low.x + 0.4, low.y - high.y + 0.4, color, {"none", 0, "", 1});
    if (end.diverged > 0 && !diverged)
      svg->marker(Marker::kCross, {(low.x + high.x) / 2, (low.y + high.y) / 2}, 2.6, "#fff", "some runs diverged");
  }
}

// The drift time over the rate. The curve may extend beyond the panel.
std::vector<Point2> drift_curve(const Diagram& diagram) {
  std::vector<Point2> curve;
  const double low = diagram.rates.front(), high = diagram.rates.back();
  for (int k = 0; k <= 100; ++k) {
    const double rate = low * std::pow(high / low, k / 100.0);
    const double steps = drift_steps(diagram.study, rate);
    if (steps <= diagram.times.back()) curve.push_back({steps, rate});
  }
  return curve;
}

void draw_panel(Svg* svg, const Diagram& diagram, const Panel& panel, const std::string& title,
                Statistic CellState::*value, const std::string& label) {
  std::vector<double> values;
  for (const CellState& end : diagram.ends) values.push_back(has_diverged(diagram, end) ? NAN : (end.*value).mean);
  const LevelScale scale = choose_levels({&values}, kMaxLevels);
  svg->begin_clip({panel.left, panel.top}, panel.width, panel.height);
  draw_cells(svg, diagram, panel, value, scale);
  const std::vector<Point2> drift = drift_curve(diagram);
  draw_curve(svg, panel, drift, {"#fff", kDrift.width + 2, "", 0.7});
  draw_curve(svg, panel, drift, kDrift);
  svg->end_clip();
  draw_axes(svg, panel, title, false, 5);
  draw_color_bar(svg, scale, {panel.left + panel.width + kBarGap, panel.top}, panel.height, label);
}

}  // namespace

Figure phase_diagram(const TheoryStudy& study) {
  const Diagram diagram = make_diagram(study);
  const double stride = kPanelSize + kBarGap + kColorBarSpace + kGap;
  const double width = kLeft + 2 * kPanelSize + kGap + 2 * (kBarGap + kColorBarSpace) - 12;
  std::vector<LegendEntry> entries;
  bool whole = false, part = false;
  for (const CellState& end : diagram.ends) {
    whole = whole || has_diverged(diagram, end);
    part = part || (end.diverged > 0 && !has_diverged(diagram, end));
  }
  const Stroke none{"none", 0, "", 1};
  if (whole) entries.push_back({"diverged", none, true, Marker::kSquare, kDivergedColor});
  if (part) entries.push_back({"some runs diverged", none, true, Marker::kCross, "#fff"});
  const auto in_panel = [&](const Point2& p) { return p.x >= diagram.times.front(); };
  if (std::ranges::any_of(drift_curve(diagram), in_panel))
    entries.push_back({"drift time, predicted", kDrift, false, {}, ""});
  const std::string words = fmt::format(
      "Means over {} data sets after {} steps; at the decay, the rate is multiplied by {:g}. The minimum-norm solution "
      "has a risk of {:.3g}.",
      study.runs.num_sets, study.config.steps, study.config.factor, study.solution_risk().mean);
  const double legend_top = kTop + kPanelSize + 52, inner = width - kLeft - 20;
  const double total = legend_top + legend_height(inner, entries) + 8 + caption_height(inner, words) + 12;
  Svg svg(width, total, study.config.name + ": phase diagram", words);
  const Axis time{diagram.times.front(), diagram.times.back(), false, "Step at which the rate decays"};
  Axis rate{diagram.rates.front(), diagram.rates.back(), true, "Learning rate"};
  draw_panel(&svg, diagram, {kLeft, kTop, kPanelSize, kPanelSize, time, rate}, "Final test risk", &CellState::test_risk,
             "Risk");
  rate.label.clear();
  draw_panel(&svg, diagram, {kLeft + stride, kTop, kPanelSize, kPanelSize, time, rate}, "Final norm over the minimum",
             &CellState::norm_ratio, "||w|| over minimum norm");
  const double used = draw_legend(&svg, {kLeft, legend_top}, inner, entries);
  draw_caption(&svg, {kLeft, legend_top + used + 8}, inner, words);
  return {"phase-diagram.svg", svg.finish()};
}

}  // namespace thalweg
