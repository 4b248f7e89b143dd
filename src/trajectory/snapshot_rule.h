// Which steps of a run get a snapshot: a pure value, so that a resumed run takes the same ones. The snapshot of step s
// holds the weights after s updates.
//
//   "snapshots": {"every_steps": 0,          each multiple of so many steps
//                 "every_epochs": 1.0,       steps round(k * every_epochs * steps_per_epoch); may be a fraction
//                 "log_spaced": 0,           so many (n) a decade: first + round(10^(k/n)), from the run's first step
//                 "around_rate_change": 0}   so many before and after each change of the rate, and the step itself
//
// 0 switches a rule off. A run's first step (0, or a branch's fork) and its last one always belong. Multiples count
// from step 0 of the main path, so that main path and branches are seen at the same steps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace thalweg {

// The run that the rule is for.
struct SnapshotRange {
  std::int64_t first_step = 0;
  std::int64_t last_step = 0;  // total number of updates; snapshots lie in [first_step, last_step]
  std::int64_t steps_per_epoch = 1;
  std::vector<std::int64_t> change_steps;  // Schedule::change_steps; any order
};

class SnapshotRule {
 public:
  // `json` is the "snapshots" object (null: all defaults). Usage Error naming `path` + key.
  SnapshotRule(const nlohmann::json& json, const std::string& path, SnapshotRange range);

  bool wants(std::int64_t step) const { return !reason(step).empty(); }
  // "first", "last", "rate-change", "epochs", "steps", "log": the first that applies; empty where no snapshot is
  // wanted.
  std::string_view reason(std::int64_t step) const;
  // All wanted steps in [begin, end), ascending.
  std::vector<std::int64_t> steps(std::int64_t begin, std::int64_t end) const;

  // Its JSON with every default filled in.
  const nlohmann::json& resolved() const { return resolved_; }

 private:
  SnapshotRange range_;           // change_steps sorted
  std::int64_t every_steps_ = 0;  // 0: off, as below
  double epoch_interval_ = 0;     // in steps
  std::int64_t per_decade_ = 0;
  std::int64_t around_change_ = 0;
  nlohmann::json resolved_;
};

}  // namespace thalweg
