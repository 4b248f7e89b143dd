// The cells of a study: the learning rates under which each data set is trained.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "theory/config.h"
#include "train/schedule.h"

namespace thalweg {

struct TheoryCell {
  std::string name;                      // the schedule's, or "rate 0.01, decay at 5000"
  double rate = 0;                       // at the first step behind a warm-up
  std::optional<std::int64_t> decay_at;  // steps; where the rate first changes after that, if it does before the end
  Schedule schedule;                     // its times are in steps
};

// Of a diagram: rates in turn, and of each the decay times. Usage Error naming the key of a schedule that is wrong.
std::vector<TheoryCell> make_cells(const TheoryConfig& config);

}  // namespace thalweg
