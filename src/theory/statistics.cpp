#include "theory/statistics.h"

#include <algorithm>
#include <cmath>

namespace thalweg {
namespace {

constexpr double kDescended = 0.01;  // of the first train loss
constexpr double kNoiseFactor = 4;   // how much higher noise keeps the loss near divergence than at small rates
constexpr double kSolutionDistance = 0.2;

}  // namespace

CellState TheoryStudy::state(std::size_t cell, std::size_t record) const {
  std::vector<double> train, test, norm, ratio, distance;
  CellState out;
  for (std::int64_t s = 0; s < runs.num_sets; ++s) {
    const TheoryPoint& point = runs.at(s, static_cast<std::int64_t>(cell), record);
    if (!std::isfinite(point.train_loss) || !std::isfinite(point.norm)) {
      ++out.diverged;
      continue;
    }
    const double solution = problems[static_cast<std::size_t>(s)].solution_norm;
    train.push_back(point.train_loss);
    test.push_back(point.test_risk);
    norm.push_back(point.norm);
    ratio.push_back(point.norm / solution);
    distance.push_back(point.distance / solution);
  }
  out.train_loss = statistic_of(train);
  out.test_risk = statistic_of(test);
  out.norm = statistic_of(norm);
  out.norm_ratio = statistic_of(ratio);
  out.distance_ratio = statistic_of(distance);
  return out;
}

Statistic TheoryStudy::solution_norm() const {
  std::vector<double> values;
  for (const TheoryProblem& problem : problems) values.push_back(problem.solution_norm);
  return statistic_of(values);
}

Statistic TheoryStudy::solution_risk() const {
  std::vector<double> values;
  for (const TheoryProblem& problem : problems) values.push_back(problem.solution_risk);
  return statistic_of(values);
}

const char* to_string(Ending ending) {
  switch (ending) {
    case Ending::kDiverged:
      return "diverged";
    case Ending::kDescending:
      return "descending";
    case Ending::kMinimum:
      return "minimum";
    case Ending::kSolution:
      return "minimum-norm";
  }
  return "";
}

bool has_descended(const TheoryStudy& study, std::size_t cell, std::size_t record) {
  const TheoryConfig& config = study.config;
  const CellState state = study.state(cell, record);
  double level = kDescended * study.state(cell, 0).train_loss.mean;
  if (config.noise == LabelNoise::kFresh) {
    const double rate = study.cells[cell].schedule.lr(std::max<std::int64_t>(study.runs.steps[record] - 1, 0));
    const double trace = static_cast<double>(config.dimensions) * std::pow(state.norm.mean, 2 * config.gamma);
    const double kept = rate * config.noise_std * config.noise_std * trace / (4 * static_cast<double>(config.draws()));
    level = std::max(level, kNoiseFactor * kept);
  }
  return state.train_loss.mean <= level;
}

Ending ending_of(const TheoryStudy& study, std::size_t cell) {
  const CellState end = study.final_state(cell);
  if (2 * end.diverged >= study.runs.num_sets) return Ending::kDiverged;
  if (!has_descended(study, cell, study.runs.steps.size() - 1)) return Ending::kDescending;
  return end.distance_ratio.mean <= kSolutionDistance ? Ending::kSolution : Ending::kMinimum;
}

std::optional<std::size_t> best_cell(const TheoryStudy& study) {
  std::optional<std::size_t> best;
  double least = INFINITY;
  for (std::size_t c = 0; c < study.cells.size(); ++c) {
    const CellState end = study.final_state(c);
    if (end.diverged > 0 || !(end.test_risk.mean < least)) continue;
    best = c;
    least = end.test_risk.mean;
  }
  return best;
}

std::optional<std::size_t> end_of_descent(const TheoryStudy& study, std::size_t cell) {
  for (std::size_t r = 0; r < study.runs.steps.size(); ++r) {
    if (has_descended(study, cell, r)) return r;
  }
  return std::nullopt;
}

Phases phases_of(const TheoryStudy& study, std::size_t cell) {
  const std::vector<std::int64_t>& steps = study.runs.steps;
  const std::int64_t decay = study.cells[cell].decay_at.value_or(steps.back());
  Phases phases;
  phases.decayed = static_cast<std::size_t>(std::lower_bound(steps.begin(), steps.end(), decay) - steps.begin());
  phases.descended = std::min(end_of_descent(study, cell).value_or(phases.decayed), phases.decayed);
  return phases;
}

}  // namespace thalweg
