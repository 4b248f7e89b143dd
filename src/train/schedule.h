// Learning-rate schedules: pure values, lr(step), described in JSON and composable (any shape with a warm-up in front).
//
//   {"kind": "constant",   "lr": 0.1}
//   {"kind": "late_decay", "lr": 0.1, "decay_at": 100, "factor": 0.1}         one drop; times are in epochs, may be
//   fractions
//   {"kind": "step",       "lr": 0.1, "every": 30, "factor": 0.1}
//   {"kind": "multi_step", "lr": 0.1, "milestones": [60, 120], "factor": 0.1}
//   {"kind": "linear",     "lr": 0.1, "end_lr": 0.0, "epochs": 100}           constant at end_lr afterwards
//   {"kind": "cosine",     "lr": 0.1, "end_lr": 0.0, "epochs": 100}
//   {"kind": "wsd",        "lr": 0.1, "decay_at": 80, "decay_epochs": 20, "end_lr": 0.0, "shape": "linear|cosine|sqrt"}
// and in any of them "warmup": {"epochs": 5, "start_factor": 0.1}: a linear ramp from start_factor * lr to lr in front;
// the shape behind it starts when the ramp ends. "epochs" of linear and cosine default to what remains of the run.
//
// Epochs become steps by round(epochs * steps_per_epoch). Same values as torch.optim.lr_scheduler's where one exists
// (StepLR, MultiStepLR, LinearLR, CosineAnnealingLR, stepped once an iteration), to 1e-12 relative.
#pragma once

#include <cstdint>
#include <vector>

#include <nlohmann/json.hpp>

namespace thalweg {

class Schedule {
 public:
  // Validates everything (usage Error naming `path` + key). `total_epochs`: length of the run, for defaults.
  Schedule(const nlohmann::json& json, const std::string& path, std::int64_t steps_per_epoch, double total_epochs);

  // Rate of step `step` (0-based, the rate used in that update). Pure; defined for every step >= 0.
  double lr(std::int64_t step) const;

  // First steps at which the rate jumps (late_decay, step, multi_step) or the shape changes (end of warm-up, start and
  // end of a WSD decay, end of linear and cosine), ascending, below `end_step`.
  std::vector<std::int64_t> change_steps(std::int64_t end_step) const;

 private:
  struct Segment;  // defined by the implementation
};

}  // namespace thalweg
