// JSON that may lack what is asked for, such as what an earlier version or a run under way wrote.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace thalweg {

// The member of a JSON object; null where there is none, or `object` is none.
nlohmann::json member(const nlohmann::json& object, const std::string& key);

// NaN of what is no number: JSON has no form for one that is not finite, and writers put null there.
double number_or_nan(const nlohmann::json& value);
// null where there is no number, or one that is not finite.
nlohmann::json number_or_null(const std::optional<double>& value);

}  // namespace thalweg
