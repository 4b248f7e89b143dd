// Runs every cell on every data set and measures at the recorded steps.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <c10/core/Device.h>

#include "theory/cells.h"
#include "theory/problem.h"

namespace thalweg {

// A run at one recorded step; the values are not finite after the run has diverged.
struct TheoryPoint {
  double train_loss = 0;
  double test_risk = 0;  // population risk, without label noise
  double norm = 0;       // ||w||
  double distance = 0;   // ||w - minimum-norm solution||
};

struct TheoryRuns {
  std::int64_t num_sets = 0;        // S
  std::int64_t num_cells = 0;       // C
  std::vector<std::int64_t> steps;  // [R] ascending, from 0 to the last step
  std::vector<TheoryPoint> points;  // [S, C, R]
  at::Tensor paths;                 // float64 [S, C, R, d] weights, if requested

  const TheoryPoint& at(std::int64_t set, std::int64_t cell, std::size_t record) const {
    return points[static_cast<std::size_t>(set * num_cells + cell) * steps.size() + record];
  }
};

struct TheoryRequest {
  const TheoryConfig* config = nullptr;  // the data sets have seeds config->seed + 0, 1, ...
  const std::vector<TheoryProblem>* problems = nullptr;
  std::vector<TheoryCell> cells;
  c10::Device device;
  bool keep_paths = false;
  std::function<void(std::int64_t step)> report;  // progress; may be empty
};

// Cells whose rates have been the same so far are computed once. A run's bits depend only on its data set, its cell and
// the kind of device, not on the other runs or the number of threads. Throws Stopped if a stop was requested.
TheoryRuns simulate(const TheoryRequest& request);

// Throws Stopped if a stop was requested.
void throw_if_stopped();

// The steps at which runs are measured: `records` evenly spaced ones, ten per decade, 0 and the last.
std::vector<std::int64_t> record_steps(std::int64_t steps, std::int64_t records);

}  // namespace thalweg
