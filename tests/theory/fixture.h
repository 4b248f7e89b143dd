// Small studies for the theory tests.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "theory/statistics.h"

namespace thalweg {

inline nlohmann::json small_theory_json() {
  return {{"device", "cpu"},
          {"seed", 3},
          {"theory",
           {{"dimensions", 23},
            {"samples", 9},
            {"gamma", 1},
            {"steps", 300},
            {"seeds", 2},
            {"records", 5},
            {"precision", "float64"},
            {"noise", {{"kind", "fresh"}, {"std", 0.2}}},
            {"rates", {0.001, 0.004, 0.01}},
            {"decay_times", {0, 100, 200}}}}};
}

inline TheoryConfig small_config(const nlohmann::json& changes = nlohmann::json::object()) {
  nlohmann::json json = small_theory_json();
  json["theory"].merge_patch(changes);
  return read_theory_config(json);
}

inline std::vector<TheoryProblem> make_problems(const TheoryConfig& config) {
  std::vector<TheoryProblem> problems;
  for (std::int64_t s = 0; s < config.seeds; ++s)
    problems.push_back(make_problem(config, config.seed + static_cast<std::uint64_t>(s)));
  return problems;
}

inline TheoryRuns run_small(const TheoryConfig& config, const std::vector<TheoryProblem>& problems,
                            std::vector<TheoryCell> cells, c10::Device device = at::kCPU) {
  return simulate({&config, &problems, std::move(cells), device, true, {}});
}

inline TheoryStudy simulated_study(const nlohmann::json& changes) {
  TheoryStudy study{small_config(changes), {}, {}, {}, {}};
  study.cells = make_cells(study.config);
  study.problems = make_problems(study.config);
  study.runs = run_small(study.config, study.problems, study.cells);
  return study;
}

// A made-up study in which `point` gives the state of each run at each step. The minimum-norm solutions have norm 0.5.
using PointMaker = std::function<TheoryPoint(std::int64_t set, std::int64_t cell, std::int64_t step)>;
inline TheoryStudy made_study(const nlohmann::json& changes, const PointMaker& point) {
  TheoryStudy study{small_config(changes), {}, {}, {}, {}};
  study.cells = make_cells(study.config);
  study.problems.resize(static_cast<std::size_t>(study.config.seeds));
  for (TheoryProblem& problem : study.problems) problem.solution_norm = 0.5;
  study.runs.num_sets = study.config.seeds;
  study.runs.num_cells = static_cast<std::int64_t>(study.cells.size());
  study.runs.steps = record_steps(study.config.steps, study.config.records);
  for (std::int64_t s = 0; s < study.runs.num_sets; ++s) {
    for (std::int64_t c = 0; c < study.runs.num_cells; ++c) {
      for (const std::int64_t step : study.runs.steps) study.runs.points.push_back(point(s, c, step));
    }
  }
  return study;
}

}  // namespace thalweg
