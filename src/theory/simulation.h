// Runs every cell on every data set, and measures at the recorded steps.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <c10/core/Device.h>

#include "theory/cells.h"
#include "theory/problem.h"

namespace thalweg {

// A run at one recorded step; not finite after a run diverged.
struct TheoryPoint {
  double train_loss = 0;
  double test_risk = 0;  // population risk, without the noise of labels
  double norm = 0;       // ||w||
  double distance = 0;   // ||w - minimum-norm solution||
};

struct TheoryRuns {
  std::int64_t num_sets = 0;        // S
  std::int64_t num_cells = 0;       // C
  std::vector<std::int64_t> steps;  // [R] ascending, from 0 to the last
  std::vector<TheoryPoint> points;  // [S, C, R]
  at::Tensor paths;                 // float64 [S, C, R, d] weights, if they were asked for

  const TheoryPoint& at(std::int64_t set, std::int64_t cell, std::size_t record) const {
    return points[static_cast<std::size_t>(set * num_cells + cell) * steps.size() + record];
  }
};

struct TheoryRequest {
  const TheoryConfig* config = nullptr;  // data sets have the seeds config->seed + 0, 1, ...
  const std::vector<TheoryProblem>* problems = nullptr;
  std::vector<TheoryCell> cells;
  c10::Device device;
  bool keep_paths = false;
  std::function<void(std::int64_t step)> report;  // progress; may be empty
};

// Cells whose rates have been the same so far are computed once. A run's bits depend on its data set, its cell, and the
// kind of device, not on the other runs or on threads. Throws Stopped where a stop was asked for.
TheoryRuns simulate(const TheoryRequest& request);

// Throws Stopped where a stop was asked for.
void throw_if_stopped();

// Steps at which runs are measured: `records` evenly spaced ones, ten a decade, 0 and the last.
std::vector<std::int64_t> record_steps(std::int64_t steps, std::int64_t records);

}  // namespace thalweg
