// Strict reading of JSON objects: every key must be known, and every value must have the right type and range. Each
// error is a usage Error that names the full path of the key ("train.schedule.lr") and, for an unknown key, the nearest
// known one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/enum_names.h"

namespace thalweg {

class ConfigReader {
 public:
  // `path` names this object in messages; "" for the root. `json` must be an object and outlive the reader.
  ConfigReader(const nlohmann::json& json, std::string path);

  bool has(const std::string& key);  // may be suggested from now on; known only once it is read
  std::string full_name(const std::string& key) const;

  // Return the value, or `fallback` if the key is absent. The required_ forms fail if it is absent.
  bool get_bool(const std::string& key, bool fallback);
  std::int64_t get_int(const std::string& key, std::int64_t fallback, std::int64_t min,
                       std::int64_t max = std::numeric_limits<std::int64_t>::max());
  // The value must be finite, with min <= value <= max.
  double get_double(const std::string& key, double fallback, double min,
                    double max = std::numeric_limits<double>::max());
  std::string get_string(const std::string& key, const std::string& fallback);
  // The value must be one of `choices`.
  std::string get_choice(const std::string& key, const std::string& fallback, const std::vector<std::string>& choices);
  template <typename Enum>
  Enum get_enum(const std::string& key, Enum fallback, const EnumNames<Enum>& names) {
    std::vector<std::string> choices;
    for (const auto& [value, name] : names) choices.push_back(name);
    return parse_enum(full_name(key), get_choice(key, name_of(fallback, names), choices), names);
  }
  double required_double(const std::string& key, double min, double max = std::numeric_limits<double>::max());
  std::int64_t required_int(const std::string& key, std::int64_t min,
                            std::int64_t max = std::numeric_limits<std::int64_t>::max());
  std::string required_string(const std::string& key);
  std::vector<double> get_doubles(const std::string& key, const std::vector<double>& fallback);
  std::vector<std::int64_t> get_ints(const std::string& key, const std::vector<std::int64_t>& fallback);
  // Returns the raw value and marks the key as known; null if absent.
  const nlohmann::json& get_json(const std::string& key);
  // Returns a reader of a nested object; of an empty one if the key is absent.
  ConfigReader get_object(const std::string& key);
  // Calls `work`, which parses the text of a key; an Error that it throws becomes a usage Error beginning with the
  // key's full name.
  void parse(const std::string& key, const std::function<void()>& work) const;

  // Everything read so far, defaults included; reading it again gives the same values. Leaves out objects read by
  // get_object().
  const nlohmann::json& resolved() const { return resolved_; }

  // Must be called last: throws a usage Error for any key of the object that was never read, naming the nearest known
  // key.
  void finish() const;

 private:
  void suggest(const std::string& key);
  const nlohmann::json* find(const std::string& key);  // marks the key as known; nullptr if absent
  const nlohmann::json& require(const std::string& key, const std::string& expected);

  template <typename T>
  T noted(const std::string& key, T value) {
    resolved_[key] = value;
    return value;
  }

  const nlohmann::json* json_;      // not owned
  std::string path_;                // "" or "train.schedule"
  std::vector<std::string> asked_;  // keys that were read
  std::vector<std::string> named_;  // these, and those passed to `has`
  nlohmann::json resolved_ = nlohmann::json::object();
};

// Applies "a.b.2.c=value". The value is parsed as JSON if possible, else taken as a string. Intermediate objects are
// created; an array index must exist.
void apply_override(nlohmann::json& config, const std::string& assignment);
// Returns the configuration `made_by` of an existing file with the defaults of keys missing from the object under `key`
// filled in (because they are newer, or were not written out). An object that `resolve` rejects, from a version with
// other keys, is kept as it is.
nlohmann::json resolve_key(nlohmann::json made_by, const std::string& key,
                           const std::function<nlohmann::json(const ConfigReader&)>& resolve);
// Returns the first key in which two unequal configurations differ, as "train.batch: 64 there, 128 here".
std::string first_difference(const nlohmann::json& there, const nlohmann::json& here);

}  // namespace thalweg
