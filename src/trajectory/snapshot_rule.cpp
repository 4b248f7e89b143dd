#include "trajectory/snapshot_rule.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "io/config_reader.h"

namespace thalweg {
namespace {

// Whether round(f(k)) == value for an integer k >= 0 near `guess`, with f increasing: rounding can move k by at most
// one.
template <typename F>
bool hits(F f, double guess, std::int64_t value) {
  const std::int64_t centre = std::llround(guess);
  for (std::int64_t k = std::max<std::int64_t>(centre - 1, 0); k <= centre + 1; ++k) {
    if (std::llround(f(static_cast<double>(k))) == value) return true;
  }
  return false;
}

}  // namespace

SnapshotRule::SnapshotRule(const nlohmann::json& json, const std::string& path, SnapshotRange range)
    : range_(std::move(range)) {
  check(range_.first_step >= 0 && range_.last_step >= range_.first_step && range_.steps_per_epoch >= 1,
        "snapshots for steps {} to {} at {} steps an epoch: expected 0 <= first <= last and at least one step an epoch",
        range_.first_step, range_.last_step, range_.steps_per_epoch);
  std::sort(range_.change_steps.begin(), range_.change_steps.end());

  const nlohmann::json object = json.is_null() ? nlohmann::json::object() : json;
  ConfigReader reader(object, path);
  constexpr std::int64_t kMaxSteps = 1'000'000'000'000;
  every_steps_ = reader.get_int("every_steps", 0, 0, kMaxSteps);
  epoch_interval_ = reader.get_double("every_epochs", 1.0, 0, 1e7) * static_cast<double>(range_.steps_per_epoch);
  per_decade_ = reader.get_int("log_spaced", 0, 0, 1000);
  around_change_ = reader.get_int("around_rate_change", 0, 0, kMaxSteps);
  reader.finish();
  resolved_ = reader.resolved();
}

std::string_view SnapshotRule::reason(std::int64_t step) const {
  if (step < range_.first_step || step > range_.last_step) return "";
  if (step == range_.first_step) return "first";
  if (step == range_.last_step) return "last";
  if (around_change_ > 0) {
    const auto& changes = range_.change_steps;
    const auto next = std::lower_bound(changes.begin(), changes.end(), step - around_change_);
    if (next != changes.end() && *next <= step + around_change_) return "rate-change";
  }
  if (epoch_interval_ > 0 &&
      // An interval below one step still means every step.
      (epoch_interval_ <= 1 ||
       hits([this](double k) { return k * epoch_interval_; }, static_cast<double>(step) / epoch_interval_, step))) {
    return "epochs";
  }
  if (every_steps_ > 0 && step % every_steps_ == 0) return "steps";
  if (per_decade_ > 0) {
    const double n = static_cast<double>(per_decade_);
    const std::int64_t since = step - range_.first_step;
    if (hits([n](double k) { return std::pow(10.0, k / n); }, n * std::log10(static_cast<double>(since)), since)) {
      return "log";
    }
  }
  return "";
}

std::vector<std::int64_t> SnapshotRule::steps(std::int64_t begin, std::int64_t end) const {
  std::vector<std::int64_t> wanted;
  const std::int64_t last = std::min(end, range_.last_step + 1);
  for (std::int64_t step = std::max(begin, range_.first_step); step < last; ++step) {
    if (wants(step)) wanted.push_back(step);
  }
  return wanted;
}

}  // namespace thalweg
