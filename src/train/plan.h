// The plan of a run: at which rate each step is taken, and what is due when it is done. Pure: a function of the
// configuration, the number of images, the step and (for checkpoints alone) the minutes since the last one.
#pragma once

#include <cstdint>
#include <string>

#include "train/run_spec.h"
#include "train/schedule.h"
#include "trajectory/snapshot_rule.h"

namespace thalweg {

// What is due once a step is done.
struct Agenda {
  bool log = false;        // a "step" line
  bool epoch_end = false;  // an "epoch" line; also at the run's last step
  bool evaluate = false;   // on the splits that are watched
  bool snapshot = false;
  bool checkpoint = false;

  bool anything() const { return log || writes_state(); }
  // More than a "step" line.
  bool writes_state() const { return epoch_end || evaluate || snapshot || checkpoint; }
};

class RunPlan {
 public:
  // Usage Error naming the key for a schedule or snapshot rule that does not fit the run.
  RunPlan(const RunSpec& spec, std::int64_t num_train_images);

  std::int64_t first_step() const { return first_step_; }
  std::int64_t end_step() const { return end_step_; }
  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }

  double epoch_at(std::int64_t step) const;
  // Rate of the update that leads from `step` to the next.
  double lr_at(std::int64_t step) const { return schedule_.lr(step - first_step_); }
  // Images that this run has seen when `step` is done.
  double images_at(std::int64_t step) const;

  Agenda agenda(std::int64_t step, double minutes_since_checkpoint) const;
  // Why the step gets a snapshot; empty where it gets none.
  std::string snapshot_reason(std::int64_t step) const;
  // Whether the step's checkpoint stays for branches to fork from.
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
