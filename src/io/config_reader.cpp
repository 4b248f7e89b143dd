#include "io/config_reader.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "base/error.h"
#include "io/strict_json.h"

namespace thalweg {
namespace {

using nlohmann::json;

// The value for a message, shortened if long: "string \"fast\"", "number 3", "array [1,2]".
std::string describe(const json& value) {
  if (value.is_null()) return "null";
  constexpr std::size_t kLongest = 60;
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  if (value.is_number_float() && !std::isfinite(value.get<double>())) text = fmt::format("{}", value.get<double>());
  return fmt::format("{} {}", value.type_name(), text);
}

[[noreturn]] void fail_type(const std::string& name, const std::string& expected, const json& value) {
  fail_usage("{}: expected {}, got {}", name, expected, describe(value));
}

template <typename T>
std::string with_range(const std::string& kind, T min, T max) {
  const bool low = min > std::numeric_limits<T>::lowest(), high = max < std::numeric_limits<T>::max();
  if (low && high) return fmt::format("{} from {} to {}", kind, min, max);
  if (low) return fmt::format("{} of at least {}", kind, min);
  if (high) return fmt::format("{} of at most {}", kind, max);
  return kind;
}

// The number as an integer, if it is one: 1e3 and 3.0 are, 2.5 and 1e30 are not.
std::optional<std::int64_t> as_int(const json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (number != std::trunc(number) || number < -kLimit || number >= kLimit) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::int64_t int_from(const std::string& name, const json& value, std::int64_t min, std::int64_t max) {
  const auto number = as_int(value);
  if (!number || *number < min || *number > max) fail_type(name, with_range("an integer", min, max), value);
  return *number;
}

double double_from(const std::string& name, const json& value, double min, double max) {
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  if (!std::isfinite(number) || number < min || number > max) {
    fail_type(name, with_range("a finite number", min, max), value);
  }
  return number;
}

std::string string_from(const std::string& name, const json& value) {
  if (!value.is_string()) fail_type(name, "a string", value);
  return value.get<std::string>();
}

const json& array_from(const std::string& name, const json& value) {
  if (!value.is_array()) fail_type(name, "an array of numbers", value);
  return value;
}

// Levenshtein distance: the insertions, deletions and substitutions that turn one word into the other.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

// Returns the name that `word` is probably a misspelling of, with at most half of its letters wrong. `names` is not
// empty.
std::optional<std::string> nearest(const std::string& word, const std::vector<std::string>& names) {
  const auto distance = [&](const std::string& name) { return edit_distance(word, name); };
  const std::string& name = *std::ranges::min_element(names, {}, distance);
  return 2 * distance(name) <= word.size() ? std::optional(name) : std::nullopt;
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", name);
  return text;
}

const json& null_json() {
  static const json null;
  return null;
}

}  // namespace

ConfigReader::ConfigReader(const json& json, std::string path) : json_(&json), path_(std::move(path)) {
  if (!json.is_object()) fail_type(path_.empty() ? "the configuration" : path_, "an object", json);
}

bool ConfigReader::has(const std::string& key) {
  suggest(key);
  return json_->contains(key);
}

std::string ConfigReader::full_name(const std::string& key) const {
  return path_.empty() ? key : path_ + "." + key;
}

void ConfigReader::suggest(const std::string& key) {
  if (std::find(named_.begin(), named_.end(), key) == named_.end()) named_.push_back(key);
}

const json* ConfigReader::find(const std::string& key) {
  if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) asked_.push_back(key);
  suggest(key);
  const auto it = json_->find(key);
  return it == json_->end() ? nullptr : &*it;
}

const json& ConfigReader::require(const std::string& key, const std::string& expected) {
  const json* value = find(key);
  if (value == nullptr) fail_usage("{}: this key is required ({})", full_name(key), expected);
  return *value;
}

bool ConfigReader::get_bool(const std::string& key, bool fallback) {
  const json* value = find(key);
  if (value == nullptr) return noted(key, fallback);
  if (!value->is_boolean()) fail_type(full_name(key), "true or false", *value);
  return noted(key, value->get<bool>());
}

std::int64_t ConfigReader::get_int(const std::string& key, std::int64_t fallback, std::int64_t min, std::int64_t max) {
  const json* value = find(key);
  return noted(key, value == nullptr ? fallback : int_from(full_name(key), *value, min, max));
}

double ConfigReader::get_double(const std::string& key, double fallback, double min, double max) {
  const json* value = find(key);
  return noted(key, value == nullptr ? fallback : double_from(full_name(key), *value, min, max));
}

std::string ConfigReader::get_string(const std::string& key, const std::string& fallback) {
  const json* value = find(key);
  return noted(key, value == nullptr ? fallback : string_from(full_name(key), *value));
}

std::string ConfigReader::get_choice(const std::string& key, const std::string& fallback,
                                     const std::vector<std::string>& choices) {
  const json* value = find(key);
  if (value == nullptr) return noted(key, fallback);
  if (!value->is_string() || std::find(choices.begin(), choices.end(), value->get<std::string>()) == choices.end()) {
    fail_type(full_name(key), "one of " + quoted_list(choices), *value);
  }
  return noted(key, value->get<std::string>());
}

double ConfigReader::required_double(const std::string& key, double min, double max) {
  return noted(key, double_from(full_name(key), require(key, with_range("a finite number", min, max)), min, max));
}

std::int64_t ConfigReader::required_int(const std::string& key, std::int64_t min, std::int64_t max) {
  return noted(key, int_from(full_name(key), require(key, with_range("an integer", min, max)), min, max));
}

std::string ConfigReader::required_string(const std::string& key) {
  return noted(key, string_from(full_name(key), require(key, "a string")));
}

std::vector<double> ConfigReader::get_doubles(const std::string& key, const std::vector<double>& fallback) {
  const json* value = find(key);
  if (value == nullptr) return noted(key, fallback);
  constexpr double kMax = std::numeric_limits<double>::max();
  std::vector<double> numbers;
  for (const auto& item : array_from(full_name(key), *value)) {
    numbers.push_back(double_from(fmt::format("{}.{}", full_name(key), numbers.size()), item, -kMax, kMax));
  }
  return noted(key, numbers);
}

std::vector<std::int64_t> ConfigReader::get_ints(const std::string& key, const std::vector<std::int64_t>& fallback) {
  const json* value = find(key);
  if (value == nullptr) return noted(key, fallback);
  using Limits = std::numeric_limits<std::int64_t>;
  std::vector<std::int64_t> numbers;
  for (const auto& item : array_from(full_name(key), *value)) {
    numbers.push_back(
        int_from(fmt::format("{}.{}", full_name(key), numbers.size()), item, Limits::min(), Limits::max()));
  }
  return noted(key, numbers);
}

const json& ConfigReader::get_json(const std::string& key) {
  const json* value = find(key);
  if (value == nullptr) return null_json();
  resolved_[key] = *value;
  return *value;
}

ConfigReader ConfigReader::get_object(const std::string& key) {
  static const json empty = json::object();
  const json* value = find(key);
  return ConfigReader(value == nullptr ? empty : *value, full_name(key));
}

void ConfigReader::parse(const std::string& key, const std::function<void()>& work) const {
  try {
    work();
  } catch (const Error& error) {
    fail_usage("{}: {}", full_name(key), error.what());
  }
}

void ConfigReader::finish() const {
  for (const auto& item : json_->items()) {
    const std::string& key = item.key();
    if (std::find(asked_.begin(), asked_.end(), key) != asked_.end()) continue;
    std::vector<std::string> others = named_;
    std::erase(others, key);
    if (others.empty()) fail_usage("unknown key \"{}\": no keys are expected here", full_name(key));
    const std::optional<std::string> meant = nearest(key, others);
    fail_usage("unknown key \"{}\"{} Known here: {}", full_name(key),
               meant ? fmt::format(": did you mean \"{}\"?", full_name(*meant)) : ".", quoted_list(others));
  }
}

namespace {

// Text that is not valid JSON is a string, so `name=vgg11` needs no quotes.
json parse_value(const std::string& text, const std::string& name) {
  if (json::accept(text)) return parse_json(text, name, JsonComments::kRefused, ExitCode::kUsage);
  try {
    const json value = text;
    static_cast<void>(value.dump());
    return value;
  } catch (const json::type_error&) {
    fail_usage("{}: the value is not valid UTF-8", name);
  }
}

}  // namespace

void apply_override(json& config, const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    fail_usage("\"{}\": expected KEY=VALUE, as in train.schedule.lr=0.1", assignment);
  }
  const std::string name = assignment.substr(0, equals), text = assignment.substr(equals + 1);
  const json value = parse_value(text, name);
  json* target = &config;
  for (std::size_t start = 0; start <= name.size();) {
    const auto end = std::min(name.find('.', start), name.size());
    const std::string part = name.substr(start, end - start);
    const std::string above = start == 0 ? "the configuration" : name.substr(0, start - 1);
    if (part.empty()) fail_usage("\"{}\": the key contains an empty name", assignment);
    if (target->is_array()) {
      const bool is_index = part.size() <= 9 && part.find_first_not_of("0123456789") == std::string::npos;
      const std::size_t index = is_index ? std::stoul(part) : target->size();
      if (index >= target->size()) {
        fail_usage("{}: {} is an array of length {}, expected an index below that length, got \"{}\"", name, above,
                   target->size(), part);
      }
      target = &(*target)[index];
    } else if (target->is_object() || target->is_null()) {
      target = &(*target)[part];
    } else {
      fail_usage("{}: {} must be an object to have keys, got {}", name, above, describe(*target));
    }
    start = end + 1;
  }
  *target = value;
}

json resolve_key(json made_by, const std::string& key, const std::function<json(const ConfigReader&)>& resolve) {
  if (!made_by.is_object() || !made_by.contains(key)) return made_by;
  const json object = made_by[key];  // outlives its reader
  try {
    made_by[key] = resolve(ConfigReader(object, key));
  } catch (const Error&) {
  }
  return made_by;
}

std::string first_difference(const json& there, const json& here) {
  const json patch = json::diff(there, here);
  json::json_pointer key(patch.at(0).at("path").get<std::string>());
  if (!key.empty() && key.back() == "-") key.pop_back();  // a list that became longer
  const auto text = [&](const json& value) { return value.contains(key) ? value.at(key).dump() : "nothing"; };
  std::string name = key.to_string().substr(1);
  std::replace(name.begin(), name.end(), '/', '.');
  return fmt::format("{}: {} there, {} here", name, text(there), text(here));
}

}  // namespace thalweg
