// Learning-rate schedules: pure values, lr(step), described in JSON and composable (any shape with a warm-up in front).
// Times are in epochs and may be fractions.
//
//   {"kind": "constant",     "lr": 0.1}
//   {"kind": "late_decay",   "lr": 0.1, "decay_at": 100, "factor": 0.1}       one drop
//   {"kind": "step",         "lr": 0.1, "every": 30, "factor": 0.1}
//   {"kind": "multi_step",   "lr": 0.1, "milestones": [60, 120], "factor": 0.1}
//   {"kind": "linear",       "lr": 0.1, "end_lr": 0, "epochs": 100}           constant at end_lr afterwards
//   {"kind": "cosine",       "lr": 0.1, "end_lr": 0, "epochs": 100}           likewise
//   {"kind": "polynomial",   "lr": 0.1, "end_lr": 0, "epochs": 100, "power": 1}
//   {"kind": "wsd",          "lr": 0.1, "decay_at": 80, "decay_epochs": 20, "end_lr": 0, "shape": "linear|cosine|sqrt"}
//   {"kind": "one_cycle",    "lr": 0.1, "epochs": 100, "pct_start": 0.3, "div_factor": 25, "final_div_factor": 1e4,
//                            "shape": "cosine|linear"}
//   {"kind": "inverse_sqrt", "lr": 0.1, "timescale": 5}
//   {"kind": "cyclic",       "lr": 0.1, "base_lr": 0.01, "up_epochs": 5, "down_epochs": 5,
//                            "mode": "triangular|triangular2|exp_range", "gamma": 0.999}    gamma: of exp_range alone
//   {"kind": "table",        "points": [[0, 0.1], [60, 0.01]], "interpolation": "linear|step"}
// Any of them may have "warmup": {"epochs": 5, "start_factor": 0.1}: a linear ramp in front that starts at start_factor
// times the shape's initial rate. The shape starts when the ramp ends, and its times count from there (as in torch's
// SequentialLR). docs/configuration.md has formulas and defaults.
//
// Epochs become steps by round(epochs * steps_per_epoch). The rates equal those of torch.optim.lr_scheduler where it
// has a counterpart (StepLR, MultiStepLR, LinearLR, CosineAnnealingLR, PolynomialLR, OneCycleLR, CyclicLR, stepped once
// per iteration), to 1e-12 relative to the largest rate. Only the rate is scheduled; momentum stays as the optimiser
// has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "train/schedule_shapes.h"

namespace thalweg {

class Schedule {
 public:
  // Validates everything; throws a usage Error naming `path` + key. `total_epochs`: the length of the run, for
  // defaults. `total_steps`: the same in steps, if it is not the rounded `total_epochs`.
  Schedule(const nlohmann::json& json, const std::string& path, std::int64_t steps_per_epoch, double total_epochs,
           std::optional<std::int64_t> total_steps = {});

  // The rate of the update at `step` (0-based). Pure; defined for every step >= 0.
  double lr(std::int64_t step) const;

  // Returns the steps at which the rate jumps (late_decay, step, multi_step, stepwise table) or bends (end of warm-up,
  // start and end of a ramp, top and end of one_cycle, every top and bottom of cyclic, every point of a linear table),
  // ascending, in (0, end_step): step 0 is never a change. inverse_sqrt has none but the end of the warm-up.
  std::vector<std::int64_t> change_steps(std::int64_t end_step) const;
  // The end of the warm-up, or of the last ramp, or the step of the last jump, if a run of `end_step` steps does not
  // get there; nullopt if it does, and for kinds that change forever (step, inverse_sqrt, cyclic).
  std::optional<std::int64_t> missed_change(std::int64_t end_step) const;
  std::int64_t warmup_steps() const { return warmup_steps_; }  // 0: none

  // The schedule as JSON with every default filled in.
  const nlohmann::json& resolved() const { return resolved_; }

 private:
  ScheduleShape shape_;            // its steps count from the end of the warm-up
  std::int64_t warmup_steps_ = 0;  // 0: none
  double warmup_factor_ = 1;       // the first warm-up rate relative to the shape's initial rate
  nlohmann::json resolved_;
};

}  // namespace thalweg
