#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace thalweg {
namespace {

// Far beyond any run, and small enough that epochs * steps_per_epoch stays an exact step number.
constexpr double kMaxEpochs = 1e7;
constexpr double kMaxLr = 1e6;
constexpr std::int64_t kMaxStepsPerEpoch = 100'000'000;

std::int64_t to_steps(double epochs, std::int64_t steps_per_epoch) {
  return std::llround(epochs * static_cast<double>(steps_per_epoch));
}

std::vector<std::int64_t> read_milestones(ConfigReader& reader, std::int64_t steps_per_epoch) {
  const std::vector<double> epochs = reader.get_doubles("milestones", {});
  if (epochs.empty()) fail_usage("{} must list at least one epoch", reader.full_name("milestones"));
  std::vector<std::int64_t> steps;
  double last = 0;
  for (const double epoch : epochs) {
    if (epoch < 0 || epoch > kMaxEpochs || (!steps.empty() && epoch <= last)) {
      fail_usage("{} must be ascending epochs between 0 and {}, but has {}", reader.full_name("milestones"), kMaxEpochs,
                 epoch);
    }
    steps.push_back(to_steps(epoch, steps_per_epoch));
    last = epoch;
  }
  return steps;
}

// A length that the user wrote must be at least one step; an absent one is what the run still has, perhaps nothing.
std::int64_t read_ramp_steps(ConfigReader& reader, const std::string& key, std::int64_t steps_per_epoch,
                             std::int64_t remaining) {
  const double epochs = reader.get_double(key, 0, 0, kMaxEpochs);
  if (!reader.has(key)) return std::max<std::int64_t>(remaining, 0);
  const std::int64_t steps = to_steps(epochs, steps_per_epoch);
  if (steps < 1) {
    fail_usage("{} is {} epochs, less than one step ({} steps an epoch)", reader.full_name(key), epochs,
               steps_per_epoch);
  }
  return steps;
}

}  // namespace

Schedule::Schedule(const nlohmann::json& json, const std::string& path, std::int64_t steps_per_epoch,
                   double total_epochs) {
  check(steps_per_epoch >= 1 && steps_per_epoch <= kMaxStepsPerEpoch,
        "schedule {}: steps per epoch must be between 1 and {}, but is {}", path, kMaxStepsPerEpoch, steps_per_epoch);
  check(total_epochs >= 0 && total_epochs <= kMaxEpochs,
        "schedule {}: the run's length must be between 0 and {} epochs, but is {}", path, kMaxEpochs, total_epochs);
  ConfigReader reader(json, path);
  reader.required_string("kind");  // it has no default
  const std::string kind = reader.get_choice(
      "kind", "constant", {"constant", "late_decay", "step", "multi_step", "linear", "cosine", "wsd"});
  lr_ = reader.required_double("lr", 0, kMaxLr);
  ConfigReader warmup = reader.get_object("warmup");
  if (reader.has("warmup")) {
    warmup_steps_ = to_steps(warmup.required_double("epochs", 0, kMaxEpochs), steps_per_epoch);
    warmup_factor_ = warmup.get_double("start_factor", 0.1, 0, 1);
    warmup.finish();
  }
  read_shape(reader, kind, steps_per_epoch, total_epochs);
  reader.finish();
}

void Schedule::read_shape(ConfigReader& reader, const std::string& kind, std::int64_t steps_per_epoch,
                          double total_epochs) {
  if (kind == "late_decay" || kind == "step" || kind == "multi_step")
    factor_ = reader.get_double("factor", 0.1, 0, 1e6);
  if (kind == "late_decay") {
    drops_ = {to_steps(reader.required_double("decay_at", 0, kMaxEpochs), steps_per_epoch)};
  } else if (kind == "step") {
    reader.required_double("every", 0, kMaxEpochs);  // it has no default
    every_ = read_ramp_steps(reader, "every", steps_per_epoch, 0);
  } else if (kind == "multi_step") {
    drops_ = read_milestones(reader, steps_per_epoch);
  }

  has_ramp_ = kind == "linear" || kind == "cosine" || kind == "wsd";
  if (!has_ramp_) return;
  end_lr_ = reader.get_double("end_lr", 0, 0, kMaxLr);
  std::string shape = kind;
  if (kind == "wsd") {
    ramp_start_ = to_steps(reader.required_double("decay_at", 0, kMaxEpochs), steps_per_epoch);
    shape = reader.get_choice("shape", "linear", {"linear", "cosine", "sqrt"});
  }
  const std::int64_t remaining = to_steps(total_epochs, steps_per_epoch) - warmup_steps_ - ramp_start_;
  ramp_steps_ = read_ramp_steps(reader, kind == "wsd" ? "decay_epochs" : "epochs", steps_per_epoch, remaining);
  curve_ = shape == "linear" ? Curve::kLinear : shape == "cosine" ? Curve::kCosine : Curve::kSqrt;
}

double Schedule::lr(std::int64_t step) const {
  check(step >= 0, "a learning rate was asked for at step {}; steps count from 0", step);
  if (step < warmup_steps_) {
    const double done = static_cast<double>(step) / static_cast<double>(warmup_steps_);
    return lr_ * (warmup_factor_ + (1 - warmup_factor_) * done);
  }
  const std::int64_t t = step - warmup_steps_;
  if (has_ramp_) {
    if (t < ramp_start_) return lr_;
    if (t >= ramp_start_ + ramp_steps_) return end_lr_;
    const double done = static_cast<double>(t - ramp_start_) / static_cast<double>(ramp_steps_);
    switch (curve_) {
      case Curve::kLinear:
        return lr_ + (end_lr_ - lr_) * done;
      case Curve::kCosine: {
        // (1 + cos(pi * done)) / 2 without the cancellation near the end.
        const double half = std::cos(0.5 * std::numbers::pi * done);
        return end_lr_ + (lr_ - end_lr_) * half * half;
      }
      case Curve::kSqrt:
        return end_lr_ + (lr_ - end_lr_) * (1 - std::sqrt(done));
    }
  }
  std::int64_t num_drops = std::upper_bound(drops_.begin(), drops_.end(), t) - drops_.begin();
  if (every_ > 0) num_drops += t / every_;
  return lr_ * std::pow(factor_, static_cast<double>(num_drops));
}

std::vector<std::int64_t> Schedule::change_steps(std::int64_t end_step) const {
  std::vector<std::int64_t> steps = {warmup_steps_};
  for (const std::int64_t drop : drops_) steps.push_back(warmup_steps_ + drop);
  if (every_ > 0) {
    for (std::int64_t step = warmup_steps_ + every_; step < end_step; step += every_) steps.push_back(step);
  }
  if (has_ramp_) {
    steps.push_back(warmup_steps_ + ramp_start_);
    steps.push_back(warmup_steps_ + ramp_start_ + ramp_steps_);
  }
  std::erase_if(steps, [end_step](std::int64_t step) { return step <= 0 || step >= end_step; });
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

}  // namespace thalweg
