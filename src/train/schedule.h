// Learning-rate schedules: pure values, lr(step), described in JSON and composable (any shape with a warm-up in front).
//
//   {"kind": "constant",   "lr": 0.1}
//   {"kind": "late_decay", "lr": 0.1, "decay_at": 100, "factor": 0.1}         one drop; times are in epochs, may be
//   fractions
//   {"kind": "step",       "lr": 0.1, "every": 30, "factor": 0.1}
//   {"kind": "multi_step", "lr": 0.1, "milestones": [60, 120], "factor": 0.1}
//   {"kind": "linear",     "lr": 0.1, "end_lr": 0.0, "epochs": 100}           constant at end_lr afterwards
//   {"kind": "cosine",     "lr": 0.1, "end_lr": 0.0, "epochs": 100}           constant at end_lr afterwards
//   {"kind": "wsd",        "lr": 0.1, "decay_at": 80, "decay_epochs": 20, "end_lr": 0.0, "shape": "linear|cosine|sqrt"}
// and in any of them "warmup": {"epochs": 5, "start_factor": 0.1}: a linear ramp from start_factor * lr to lr in front;
// the shape behind it starts when the ramp ends, and its times count from there (torch's SequentialLR). "epochs" of
// linear and cosine default to what remains of the run, "decay_epochs" likewise. "factor" and "start_factor" default to
// 0.1, "end_lr" to 0, "shape" to linear; the rest is required.
//
// Epochs become steps by round(epochs * steps_per_epoch). Same values as torch.optim.lr_scheduler's where one exists
// (StepLR, MultiStepLR, LinearLR, CosineAnnealingLR, stepped once an iteration), to 1e-12 relative to the largest rate.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/config_reader.h"

namespace thalweg {

class Schedule {
 public:
  // Validates everything (usage Error naming `path` + key). `total_epochs`: length of the run, for defaults.
  Schedule(const nlohmann::json& json, const std::string& path, std::int64_t steps_per_epoch, double total_epochs);

  // Rate of step `step` (0-based, the rate used in that update). Pure; defined for every step >= 0.
  double lr(std::int64_t step) const;

  // First steps at which the rate jumps (late_decay, step, multi_step) or the shape changes (end of warm-up, start and
  // end of a WSD decay, end of linear and cosine), ascending, in (0, end_step): nothing changes at step 0.
  std::vector<std::int64_t> change_steps(std::int64_t end_step) const;

 private:
  enum class Curve { kLinear, kCosine, kSqrt };
  void read_shape(ConfigReader& reader, const std::string& kind, std::int64_t steps_per_epoch, double total_epochs);

  // Steps below count from the end of the warm-up. Every kind is drops at some steps, or one ramp from lr_ to end_lr_.
  double lr_ = 0;
  std::int64_t warmup_steps_ = 0;
  double warmup_factor_ = 1;         // rate of the first warm-up step over lr_
  double factor_ = 1;                // of each drop
  std::int64_t every_ = 0;           // a drop each so many steps; 0: none
  std::vector<std::int64_t> drops_;  // steps of single drops, ascending
  bool has_ramp_ = false;
  Curve curve_ = Curve::kLinear;
  double end_lr_ = 0;
  std::int64_t ramp_start_ = 0;
  std::int64_t ramp_steps_ = 0;  // 0: end_lr_ from ramp_start_ on
};

}  // namespace thalweg
