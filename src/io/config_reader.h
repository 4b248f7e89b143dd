// Strict reading of JSON objects: every key must be known, every value of the right type and in range. Each error is a
// usage Error that names the full path of the key ("train.schedule.lr") and, for an unknown one, the nearest known key.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace thalweg {

// An enumeration's values, each with what configurations call it.
template <typename Enum>
using EnumNames = std::vector<std::pair<Enum, std::string>>;

// Of a value that is among them.
template <typename Enum>
const std::string& name_of(Enum value, const EnumNames<Enum>& names) {
  return std::find_if(names.begin(), names.end(), [&](const auto& name) { return name.first == value; })->second;
}

class ConfigReader {
 public:
  // `path` is what this object is called in messages; "" for the root. `json` must be an object and outlive the reader.
  ConfigReader(const nlohmann::json& json, std::string path);

  bool has(const std::string& key);  // a key to suggest, but not known before it is read
  std::string full_name(const std::string& key) const;

  // Value, or `fallback` where the key is absent. The required_ forms fail when it is absent.
  bool get_bool(const std::string& key, bool fallback);
  std::int64_t get_int(const std::string& key, std::int64_t fallback, std::int64_t min,
                       std::int64_t max = std::numeric_limits<std::int64_t>::max());
  // Finite, min <= value <= max.
  double get_double(const std::string& key, double fallback, double min,
                    double max = std::numeric_limits<double>::max());
  std::string get_string(const std::string& key, const std::string& fallback);
  // One of `choices`.
  std::string get_choice(const std::string& key, const std::string& fallback, const std::vector<std::string>& choices);
  template <typename Enum>
  Enum get_enum(const std::string& key, Enum fallback, const EnumNames<Enum>& names) {
    std::vector<std::string> choices;
    for (const auto& [value, name] : names) choices.push_back(name);
    const std::string chosen = get_choice(key, name_of(fallback, names), choices);
    return std::find_if(names.begin(), names.end(), [&](const auto& name) { return name.second == chosen; })->first;
  }
  double required_double(const std::string& key, double min, double max = std::numeric_limits<double>::max());
  std::int64_t required_int(const std::string& key, std::int64_t min,
                            std::int64_t max = std::numeric_limits<std::int64_t>::max());
  std::string required_string(const std::string& key);
  std::vector<double> get_doubles(const std::string& key, const std::vector<double>& fallback);
  std::vector<std::int64_t> get_ints(const std::string& key, const std::vector<std::int64_t>& fallback);
  // The raw value (marks the key as known); null if absent.
  const nlohmann::json& get_json(const std::string& key);
  // A nested object; an empty one if absent.
  ConfigReader get_object(const std::string& key);
  // Calls `work`, which reads the text of a key; its usage Error then begins with the key's full name.
  void parse(const std::string& key, const std::function<void()>& work) const;

  // What was read so far, defaults included: reading it again gives the same. Without get_object's objects.
  const nlohmann::json& resolved() const { return resolved_; }

  // Call last: any key of the object that was never asked for is unknown -> usage Error naming the nearest key.
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
  std::vector<std::string> asked_;  // keys that were asked for
  std::vector<std::string> named_;  // these, and those that `has` was asked about
  nlohmann::json resolved_ = nlohmann::json::object();
};

// Applies "a.b.2.c=value": value is JSON if it parses as JSON, else a string. Intermediate objects are created; an
// index into an array must exist.
void apply_override(nlohmann::json& config, const std::string& assignment);
// What one of our files was made by, with the defaults of keys of `key`'s object that were not there yet, or not
// written out. An object that `resolve` refuses, of a version that had other keys, stays as it is.
nlohmann::json resolve_key(nlohmann::json made_by, const std::string& key,
                           const std::function<nlohmann::json(const ConfigReader&)>& resolve);
// The first key in which two configurations that are not equal differ, as "train.batch: 64 there, 128 here".
std::string first_difference(const nlohmann::json& there, const nlohmann::json& here);

}  // namespace thalweg
