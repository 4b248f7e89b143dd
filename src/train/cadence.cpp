#include "train/cadence.h"

#include <cmath>

#include "base/error.h"

namespace thalweg {
namespace {

constexpr double kShortest = 1e-3;  // epochs or minutes
constexpr double kLongest = 1e6;    // epochs or minutes
constexpr std::int64_t kMostSteps = 1'000'000'000'000;

Cadence read_object(const std::string& name, ConfigReader reader, const CadenceLimits& limits) {
  const int named = reader.has("epochs") + reader.has("steps") + reader.has("minutes");
  if (named != 1) {
    fail_usage("{}: expected a number of epochs, or an object with one of \"epochs\", \"steps\"{}", name,
               limits.may_be_minutes ? ", \"minutes\"" : "");
  }
  Cadence cadence;
  if (reader.has("steps")) {
    cadence = {static_cast<double>(reader.required_int("steps", 1, kMostSteps)), Cadence::Unit::kSteps};
  } else if (reader.has("epochs")) {
    cadence = {reader.required_double("epochs", kShortest, kLongest), Cadence::Unit::kEpochs};
  } else if (limits.may_be_minutes) {
    cadence = {reader.required_double("minutes", kShortest, kLongest), Cadence::Unit::kMinutes};
  } else {
    fail_usage("{}: what a run computes must not depend on the clock; use epochs or \"steps\"",
               reader.full_name("minutes"));
  }
  reader.finish();
  return cadence;
}

}  // namespace

bool Cadence::due(std::int64_t step, std::int64_t steps_per_epoch, double minutes) const {
  if (every <= 0) return false;
  if (unit == Unit::kMinutes) return minutes >= every;
  const double interval = unit == Unit::kSteps ? every : every * static_cast<double>(steps_per_epoch);
  const auto k = std::llround(static_cast<double>(step) / interval);
  return k > 0 && std::llround(static_cast<double>(k) * interval) == step;
}

Cadence read_cadence(ConfigReader& reader, const std::string& key, const Cadence& fallback, CadenceLimits limits) {
  const nlohmann::json& value = reader.get_json(key);
  if (!reader.has(key)) return fallback;
  if (value.is_object()) return read_object(reader.full_name(key), ConfigReader(value, reader.full_name(key)), limits);
  const double epochs = reader.required_double(key, 0, kLongest);
  if (epochs < kShortest && !(limits.may_be_never && epochs == 0)) {
    fail_usage("{}: expected at least {} epochs{}, got {}", reader.full_name(key), kShortest,
               limits.may_be_never ? " (or 0 for never)" : "", epochs);
  }
  return {epochs, Cadence::Unit::kEpochs};
}

nlohmann::json to_json(const Cadence& cadence) {
  if (cadence.unit == Cadence::Unit::kMinutes) return {{"minutes", cadence.every}};
  if (cadence.unit == Cadence::Unit::kSteps) return {{"steps", static_cast<std::int64_t>(cadence.every)}};
  return cadence.every;
}

}  // namespace thalweg
