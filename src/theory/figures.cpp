#include "theory/figures.h"

#include <algorithm>
#include <cmath>

#include "report/colors.h"
#include "report/panels.h"
#include "theory/diagram.h"

namespace thalweg {
namespace {

constexpr double kFloor = 1e-10;      // of the first value; anything smaller is rounding or of no interest
constexpr std::size_t kMaxShown = 7;  // the number of colours
constexpr std::size_t kMaxDecayTimes = 4;
constexpr std::size_t kMaxRates = 6;
const Stroke kSolution{"#555", 1.4, "2 3", 1};  // the value of the minimum-norm solution

// At most `count` indices of [0, size), evenly spaced, with both ends included.
std::vector<std::size_t> spread(std::size_t size, std::size_t count) {
  count = std::min(size, count);
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(count == 1 ? 0 : i * (size - 1) / (count - 1));
  return out;
}

// Picks from ascending decay times the first, the last, and in between mostly early ones, since those differ most.
std::vector<std::size_t> early_spread(std::size_t size, std::size_t count) {
  if (size <= count) return spread(size, count);
  std::vector<std::size_t> out{0};
  for (std::size_t i = 0; i + 1 < count; ++i) {
    const double power = static_cast<double>(i) / static_cast<double>(count - 2);
    const auto next = static_cast<std::size_t>(std::lround(std::pow(static_cast<double>(size - 1), power)));
    out.push_back(std::max(next, out.back() + 1));
  }
  return out;
}

// The latest decay is black, as main paths are.
LineStyle cell_style(std::size_t index, std::size_t count) {
  if (index + 1 == count) return {kMainColor, ""};
  return branch_style(index);
}

std::string cell_label(const TheoryStudy& study, std::size_t cell) {
  const TheoryCell& c = study.cells[cell];
  return study.config.schedules.is_null() ? fmt::format("decay at {}", *c.decay_at) : c.name;
}

struct Quantity {
  const char* title;
  const char* label;
  Statistic CellState::*value;
  double FlowPoint::*theory;  // for gamma = 0
  double log_ratio;
};
const Quantity kTrainLoss{"Train loss", "Loss", &CellState::train_loss, &FlowPoint::train_loss, kLogAxisRatio};
const Quantity kTestRisk{"Test risk", "Risk", &CellState::test_risk, &FlowPoint::test_risk, kLogAxisRatio};
const Quantity kNorm{"Norm of the weights", "||w||", &CellState::norm, &FlowPoint::norm, INFINITY};

// The bands of the last shown cell's phases, which the other cells share up to their own decay.
std::vector<Band> phase_bands(const TheoryStudy& study, std::size_t cell) {
  const Phases phases = phases_of(study, cell);
  const auto step = [&](std::size_t record) { return static_cast<double>(study.runs.steps[record]); };
  const double end = static_cast<double>(study.runs.steps.back());
  const bool drifts = std::isfinite(drift_steps(study, study.cells[cell].rate));
  // Curves run from the top left to the bottom right; the labels are placed away from them.
  return {{0, step(phases.descended), "#eef4fa", "descent", true},
          {step(phases.descended), step(phases.decayed), "#fdf6e9", drifts ? "drift along the minima" : "at a minimum"},
          {step(phases.decayed), end, "#eef7ee", "decayed"}};
}

PanelPlan curve_panel(const TheoryStudy& study, const std::vector<std::size_t>& shown, const Quantity& quantity) {
  PanelPlan plan{.title = quantity.title, .y_label = quantity.label, .log_ratio = quantity.log_ratio, .log_x = true};
  const double floor = kFloor * (study.state(shown[0], 0).*quantity.value).mean;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const LineStyle style = cell_style(i, shown.size());
    std::vector<Point2> curve, theory;
    for (std::size_t r = 1; r < study.runs.steps.size(); ++r) {
      const double step = static_cast<double>(study.runs.steps[r]);
      const CellState state = study.state(shown[i], r);
      const double value = (state.*quantity.value).mean;
      curve.push_back({step, state.diverged > 0 || value < floor ? NAN : value});
      if (study.flows.empty()) continue;
      const double known = study.flows[shown[i]][r].*quantity.theory;
      theory.push_back({step, known < floor ? NAN : known});
    }
    plan.curves.emplace_back(curve, Stroke{style.color, 1.7, style.dash, 1});
    if (!study.flows.empty()) plan.curves.emplace_back(theory, Stroke{style.color, 1.2, "5 4", 0.8});
  }
  if (study.config.schedules.is_null()) plan.bands = phase_bands(study, shown.back());
  return plan;
}

Figure curve_figure(const TheoryStudy& study, const std::vector<std::size_t>& shown) {
  std::vector<PanelPlan> plans;
  for (const Quantity& quantity : {kTrainLoss, kTestRisk, kNorm}) plans.push_back(curve_panel(study, shown, quantity));
  plans[1].levels.emplace_back(study.solution_risk().mean, kSolution);
  plans[2].levels.emplace_back(study.solution_norm().mean, kSolution);
  std::vector<LegendEntry> entries;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const LineStyle style = cell_style(i, shown.size());
    entries.push_back({cell_label(study, shown[i]), {style.color, 1.7, style.dash, 1}, false, {}, ""});
  }
  entries.push_back({"minimum-norm solution", kSolution, false, {}, ""});
  if (!study.flows.empty()) entries.push_back({"gradient flow", {"#555", 1.2, "5 4", 0.8}, false, {}, ""});
  const std::string rate =
      study.config.schedules.is_null() ? fmt::format(", rate {:.3g}", study.cells[shown[0]].rate) : "";
  return {"curves.svg", draw_panels(study.config.name + rate, "Step", plans, entries)};
}

Figure decay_figure(const TheoryStudy& study) {
  PanelPlan risk{.title = "Final test risk", .y_label = "Risk", .log_ratio = kLogAxisRatio};
  PanelPlan norm{.title = "Final norm over minimum norm", .y_label = "||w|| / minimum norm"};
  std::vector<LegendEntry> entries;
  const std::size_t times = study.config.decay_times.size();
  std::vector<std::size_t> whole;  // rates at which more than half of the cells had no diverged run
  for (std::size_t i = 0; i < study.config.rates.size(); ++i) {
    std::size_t fine = 0;
    for (std::size_t j = 0; j < times; ++j) fine += study.final_state(i * times + j).diverged == 0;
    if (2 * fine > times) whole.push_back(i);
  }
  const std::vector<std::size_t> picked = spread(whole.size(), kMaxRates);
  for (std::size_t k = 0; k < picked.size(); ++k) {
    const double position = picked.size() < 2 ? 0 : static_cast<double>(k) / static_cast<double>(picked.size() - 1);
    const Stroke stroke{map_color(0.15 + 0.85 * position), 1.8, "", 1};
    std::vector<Point2> risks, norms;
    for (std::size_t j = 0; j < times; ++j) {
      const CellState end = study.final_state(whole[picked[k]] * times + j);
      const double time = static_cast<double>(study.config.decay_times[j]);
      risks.push_back({time, end.diverged > 0 ? NAN : end.test_risk.mean});
      norms.push_back({time, end.diverged > 0 ? NAN : end.norm_ratio.mean});
    }
    risk.curves.emplace_back(risks, stroke);
    norm.curves.emplace_back(norms, stroke);
    entries.push_back({fmt::format("rate {:.3g}", study.config.rates[whole[picked[k]]]), stroke, false, {}, ""});
  }
  risk.levels.emplace_back(study.solution_risk().mean, kSolution);
  norm.levels.emplace_back(1, kSolution);
  entries.push_back({"minimum-norm solution", kSolution, false, {}, ""});
  return {"decay-time.svg", draw_panels(study.config.name, "Step at which the rate decays", {risk, norm}, entries)};
}

}  // namespace

std::vector<std::size_t> shown_cells(const TheoryStudy& study) {
  if (!study.config.schedules.is_null()) {
    return spread(std::min(study.cells.size(), kMaxShown), kMaxShown);
  }
  const std::size_t times = study.config.decay_times.size();
  std::size_t best = study.cells.size();
  double least = INFINITY;
  for (std::size_t first = 0; first < study.cells.size(); first += times) {
    double risk = INFINITY;
    for (std::size_t j = 0; j < times; ++j) {
      const CellState end = study.final_state(first + j);
      if (end.diverged > 0) {
        risk = NAN;
        break;
      }
      risk = std::min(risk, end.test_risk.mean);
    }
    if (risk < least) least = risk, best = first;
  }
  std::vector<std::size_t> cells;
  if (best == study.cells.size()) return cells;
  for (const std::size_t j : early_spread(times, kMaxDecayTimes)) cells.push_back(best + j);
  return cells;
}

double drift_steps(const TheoryStudy& study, double rate) {
  const TheoryConfig& config = study.config;
  if (config.noise != LabelNoise::kFresh) return INFINITY;
  const double norm = std::pow(study.solution_norm().mean, 2 * config.gamma - 2);
  return 2 * static_cast<double>(config.draws()) * (1 + config.gamma) /
         (config.gamma * std::pow(rate * config.noise_std, 2) * static_cast<double>(config.dimensions) * norm);
}

std::vector<Figure> theory_figures(const TheoryStudy& study) {
  std::vector<Figure> figures;
  const std::vector<std::size_t> shown = shown_cells(study);
  if (!shown.empty()) figures.push_back(curve_figure(study, shown));
  if (!study.config.schedules.is_null()) return figures;
  figures.push_back(decay_figure(study));
  figures.push_back(phase_diagram(study));
  return figures;
}

}  // namespace thalweg
