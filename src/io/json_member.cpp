#include "io/json_member.h"

#include <cmath>

namespace thalweg {

nlohmann::json member(const nlohmann::json& object, const std::string& key) {
  return object.is_object() ? object.value(key, nlohmann::json()) : nlohmann::json();
}

double number_or_nan(const nlohmann::json& value) {
  return value.is_number() ? value.get<double>() : NAN;
}

nlohmann::json number_or_null(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? nlohmann::json(*value) : nlohmann::json();
}

}  // namespace thalweg
