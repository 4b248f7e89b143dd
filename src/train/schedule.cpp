#include "train/schedule.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "train/schedule_kinds.h"

namespace thalweg {
namespace {

constexpr std::int64_t kMaxStepsPerEpoch = 100'000'000;

}  // namespace

Schedule::Schedule(const nlohmann::json& json, const std::string& path, std::int64_t steps_per_epoch,
                   double total_epochs, std::optional<std::int64_t> total_steps) {
  check(steps_per_epoch >= 1 && steps_per_epoch <= kMaxStepsPerEpoch,
        "schedule {}: steps per epoch must be between 1 and {}, but is {}", path, kMaxStepsPerEpoch, steps_per_epoch);
  check(total_epochs >= 0 && total_epochs <= kMaxScheduleEpochs,
        "schedule {}: the run's length must be between 0 and {} epochs, but is {}", path, kMaxScheduleEpochs,
        total_epochs);
  ConfigReader reader(json, path);
  ScheduleTimes times{.steps_per_epoch = steps_per_epoch, .end = total_epochs};
  times.end_step = total_steps.value_or(times.steps(total_epochs));
  ConfigReader warmup = reader.get_object("warmup");
  if (reader.has("warmup")) {
    times.warmup = warmup.required_double("epochs", 0, kMaxScheduleEpochs);
    warmup_steps_ = times.steps(times.warmup);
    warmup_factor_ = warmup.get_double("start_factor", 0.1, 0, 1);
    warmup.finish();
  }
  shape_ = read_schedule_shape(reader, times);
  reader.finish();
  resolved_ = reader.resolved();
  if (reader.has("warmup")) resolved_["warmup"] = warmup.resolved();
}

double Schedule::lr(std::int64_t step) const {
  check(step >= 0, "a learning rate was requested for step {}, but steps count from 0", step);
  if (step < warmup_steps_) {
    const double done = static_cast<double>(step) / static_cast<double>(warmup_steps_);
    const double goal = std::visit([](const auto& shape) { return shape.start(); }, shape_);
    return goal * (warmup_factor_ + (1 - warmup_factor_) * done);
  }
  return std::visit([&](const auto& shape) { return shape.rate(step - warmup_steps_); }, shape_);
}

std::vector<std::int64_t> Schedule::change_steps(std::int64_t end_step) const {
  std::vector<std::int64_t> steps =
      std::visit([&](const auto& shape) { return shape.changes(end_step - warmup_steps_); }, shape_);
  for (std::int64_t& step : steps) step += warmup_steps_;
  steps.push_back(warmup_steps_);
  std::erase_if(steps, [end_step](std::int64_t step) { return step <= 0 || step >= end_step; });
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

std::optional<std::int64_t> Schedule::missed_change(std::int64_t end_step) const {
  const bool warms_up = warmup_steps_ > end_step && warmup_factor_ != 1;
  const std::optional<std::int64_t> warmup = warms_up ? std::optional(warmup_steps_) : std::nullopt;
  const auto* shape = std::get_if<Piecewise>(&shape_);
  if (shape == nullptr) return warmup;
  const auto& knots = shape->knots;
  std::size_t last = knots.size() - 1;
  while (last > 0 && knots[last].rate == knots[last - 1].rate) --last;
  if (last == 0) return warmup;
  const auto at = static_cast<std::int64_t>(std::ceil(knots[last].at)) + warmup_steps_;
  // A ramp that ends with the run was followed to its end; a jump there was not made.
  const bool jumps = shape->curve == Curve::kHold || knots[last].at == knots[last - 1].at;
  return at > end_step || (jumps && at == end_step) ? std::optional(at) : warmup;
}

}  // namespace thalweg
