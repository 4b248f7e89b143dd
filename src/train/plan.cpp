#include "train/plan.h"

#include <algorithm>
#include <cmath>

#include "train/batches.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

// The prefix of this run's keys in error messages.
std::string config_path(const RunSpec& spec) {
  return spec.name == kMainRun ? "train." : fmt::format("branch {}: ", spec.name);
}

}  // namespace

RunPlan::RunPlan(const RunSpec& spec, std::int64_t num_train_images)
    : spec_(spec),
      num_images_(num_train_images),
      first_step_(spec.first_step),
      steps_per_epoch_(thalweg::steps_per_epoch(num_train_images, spec.train.batch)),
      end_step_(spec.end_step.value_or(first_step_ +
                                       std::llround(spec.train.epochs * static_cast<double>(steps_per_epoch_)))),
      schedule_(spec.train.schedule, config_path(spec) + "schedule", steps_per_epoch_, spec.train.epochs,
                end_step_ - first_step_),
      snapshots_(spec.train.snapshots, config_path(spec) + "snapshots", snapshot_range()) {
  if (end_step_ == first_step_ && spec.train.epochs > 0)
    fail_usage("{}epochs: {:g} epochs are less than one step ({} steps per epoch)", config_path(spec),
               spec.train.epochs, steps_per_epoch_);
}

SnapshotRange RunPlan::snapshot_range() const {
  SnapshotRange range{first_step_, end_step_, steps_per_epoch_, schedule_.change_steps(end_step_ - first_step_)};
  for (std::int64_t& step : range.change_steps) step += first_step_;
  return range;
}

std::optional<std::int64_t> RunPlan::missed_change() const {
  std::optional<std::int64_t> step = schedule_.missed_change(end_step_ - first_step_);
  if (step) *step += first_step_;
  return step;
}

double RunPlan::epoch_at(std::int64_t step) const {
  return static_cast<double>(step) / static_cast<double>(steps_per_epoch_);
}

std::int64_t RunPlan::images_before(std::int64_t step) const {
  return step / steps_per_epoch_ * num_images_ + std::min(step % steps_per_epoch_ * spec_.train.batch, num_images_);
}

double RunPlan::images_at(std::int64_t step) const {
  return static_cast<double>(images_before(step) - images_before(first_step_));
}

Agenda RunPlan::agenda(std::int64_t step, double minutes_since_checkpoint) const {
  const TrainConfig& train = spec_.train;
  const bool last = step == end_step_;
  Agenda agenda;
  agenda.log = train.log_every > 0 && step % train.log_every == 0;
  agenda.epoch_end = last || step % steps_per_epoch_ == 0;
  agenda.evaluate = last || train.evaluate_every.due(step, steps_per_epoch_, 0);
  agenda.snapshot = !snapshot_reason(step).empty();
  agenda.checkpoint =
      last || is_fork(step) || train.checkpoint_every.due(step, steps_per_epoch_, minutes_since_checkpoint);
  return agenda;
}

std::string RunPlan::snapshot_reason(std::int64_t step) const {
  if (snapshots_.wants(step)) return std::string(snapshots_.reason(step));
  // The main path also has a snapshot at every fork, the point that it shares with the branches.
  return is_fork(step) ? "fork" : "";
}

bool RunPlan::is_fork(std::int64_t step) const {
  return std::find(spec_.keep.begin(), spec_.keep.end(), step) != spec_.keep.end();
}

}  // namespace thalweg
