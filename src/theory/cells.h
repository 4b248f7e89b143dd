// The cells of a study: the learning rates under which each data set is trained.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "theory/config.h"
#include "train/schedule.h"

namespace thalweg {

struct TheoryCell {
  std::string name;                      // the schedule's name, or "rate 0.01, decay at 5000"
  double rate = 0;                       // at the first step after a warm-up
  std::optional<std::int64_t> decay_at;  // the step of the rate's first later change, if before the end
  Schedule schedule;                     // its times are in steps
};

// The cells of a study. For a diagram: each rate in turn with all decay times. Throws usage Error naming the key of an
// invalid schedule.
std::vector<TheoryCell> make_cells(const TheoryConfig& config);

}  // namespace thalweg
