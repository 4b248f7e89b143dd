// How often a recurring action of a run is due. In a configuration:
//   1.5               epochs: the steps round(k * 1.5 * steps_per_epoch), k = 1, 2...; the same as {"epochs": 1.5}
//   {"steps": 100}    multiples of 100 steps
//   {"minutes": 10}   ten minutes of wall clock after the last time; only for actions that do not affect results
//   0                 never
// Steps are counted from the start of the main path, also in branches.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "io/config_reader.h"

namespace thalweg {

struct Cadence {
  enum class Unit { kEpochs, kSteps, kMinutes };
  double every = 1;  // 0: never
  Unit unit = Unit::kEpochs;

  bool operator==(const Cadence&) const = default;
  // Pure. `minutes`: the time since the action was last done, or since the process started.
  bool due(std::int64_t step, std::int64_t steps_per_epoch, double minutes) const;
};

struct CadenceLimits {
  bool may_be_never = false;
  bool may_be_minutes = false;
};

// Returns `fallback` if the key is absent. Throws a usage Error that names the key.
Cadence read_cadence(ConfigReader& reader, const std::string& key, const Cadence& fallback, CadenceLimits limits);
// Returns a number for epochs and an object otherwise; reading it back gives the same value.
nlohmann::json to_json(const Cadence& cadence);

}  // namespace thalweg
