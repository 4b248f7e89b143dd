// Which steps of a run get a snapshot: a pure function of the step, so that a resumed run takes the same ones. The
// snapshot of step s holds the weights after s updates.
//
//   "snapshots": {"every_steps": 0,          every multiple of this number of steps
//                 "every_epochs": 1.0,       steps round(k * every_epochs * steps_per_epoch); may be a fraction
//                 "log_spaced": 0,           this many (n) per decade after the first step: first + round(10^(k/n))
//                 "around_rate_change": 0}   this many before and after each change of the rate, and the step itself
//
// 0 disables a rule. A run's first step (0, or a branch's fork) and its last step always get a snapshot. Multiples
// count from step 0 of the main path, so that main path and branches have snapshots at the same steps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace thalweg {

// The run that the rule applies to.
struct SnapshotRange {
  std::int64_t first_step = 0;
  std::int64_t last_step = 0;  // total number of updates; snapshots lie in [first_step, last_step]
  std::int64_t steps_per_epoch = 1;
  std::vector<std::int64_t> change_steps;  // Schedule::change_steps; any order
};

class SnapshotRule {
 public:
  // `json` is the "snapshots" object (null: all defaults). Throws usage Error naming `path` + key.
  SnapshotRule(const nlohmann::json& json, const std::string& path, SnapshotRange range);

  bool wants(std::int64_t step) const { return !reason(step).empty(); }
  // "first", "last", "rate-change", "epochs", "steps" or "log", whichever applies first; empty if no snapshot is
  // wanted.
  std::string_view reason(std::int64_t step) const;
  // All wanted steps in [begin, end), ascending.
  std::vector<std::int64_t> steps(std::int64_t begin, std::int64_t end) const;

  // The rule's JSON with all defaults filled in.
  const nlohmann::json& resolved() const { return resolved_; }

 private:
  SnapshotRange range_;           // change_steps sorted
  std::int64_t every_steps_ = 0;  // 0: off, also for the rules below
  double epoch_interval_ = 0;     // in steps
  std::int64_t per_decade_ = 0;
  std::int64_t around_change_ = 0;
  nlohmann::json resolved_;
};

}  // namespace thalweg
