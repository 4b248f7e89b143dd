// The plan of a run: the rate of each step, and the actions that are due after it. Pure: a function of the
// configuration, the number of images, the step and (for checkpoints only) the minutes since the last one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "train/run_spec.h"
#include "train/schedule.h"
#include "trajectory/snapshot_rule.h"

namespace thalweg {

// The actions that are due after a step.
struct Agenda {
  bool log = false;        // a "step" line
  bool epoch_end = false;  // an "epoch" line; also at the planned last step
  bool evaluate = false;   // on the watched splits
  bool snapshot = false;
  bool checkpoint = false;

  bool anything() const { return log || writes_state(); }
  // Whether anything but a "step" line is due.
  bool writes_state() const { return epoch_end || evaluate || snapshot || checkpoint; }
};

class RunPlan {
 public:
  // Throws a usage Error naming the key if a schedule or snapshot rule does not fit the run.
  RunPlan(const RunSpec& spec, std::int64_t num_train_images);

  std::int64_t first_step() const { return first_step_; }
  std::int64_t end_step() const { return end_step_; }
  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }

  double epoch_at(std::int64_t step) const;
  // The rate of the update that leads from `step` to the next.
  double lr_at(std::int64_t step) const { return schedule_.lr(step - first_step_); }
  // The step of the schedule's last change if the run ends before it (Schedule::missed_change).
  std::optional<std::int64_t> missed_change() const;
  // The number of images that this run has processed after `step`.
  double images_at(std::int64_t step) const;

  Agenda agenda(std::int64_t step, double minutes_since_checkpoint) const;
  // Why a snapshot is taken at the step; empty if none is.
  std::string snapshot_reason(std::int64_t step) const;
  // Whether the step's checkpoint is kept for branches to fork from.
  bool is_fork(std::int64_t step) const;

 private:
  SnapshotRange snapshot_range() const;
  std::int64_t images_before(std::int64_t step) const;

  const RunSpec& spec_;
  std::int64_t num_images_;
  std::int64_t first_step_;
  std::int64_t steps_per_epoch_;
  std::int64_t end_step_;
  Schedule schedule_;
  SnapshotRule snapshots_;
};

}  // namespace thalweg
