// The learning rate of a run over the epochs that it trained.
#pragma once

#include <cstdint>
#include <vector>

#include <nlohmann/json.hpp>

#include "report/report.h"

namespace thalweg {

// Returns the corners of the curve, with straight lines between them: exact where the rate is constant or jumps, else
// sampled at 400 steps. `identity` and `status` are the run's run.json and status.json. The curve ends at the step
// that the status tells, or at `known_step` if that is later. Empty if the files do not describe a schedule that this
// version understands.
std::vector<RatePoint> rate_curve(const nlohmann::json& identity, const nlohmann::json& status,
                                  std::int64_t known_step);

}  // namespace thalweg
