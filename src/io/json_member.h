// Access to JSON that may be incomplete, for example because an earlier version or an unfinished run wrote it.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace thalweg {

// Returns the member of a JSON object; null if it is absent or `object` is not an object.
nlohmann::json member(const nlohmann::json& object, const std::string& key);

// Returns NaN if the value is not a number. JSON cannot represent numbers that are not finite; writers put null there.
double number_or_nan(const nlohmann::json& value);
// Returns null if the value is absent or not finite.
nlohmann::json number_or_null(const std::optional<double>& value);

}  // namespace thalweg
