// Small studies for the tests of theory.
#pragma once

#include <cstdint>
#include <vector>

#include "theory/simulation.h"

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

}  // namespace thalweg
