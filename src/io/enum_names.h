// Conversion between enumerators and their names in configurations and on the command line.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace thalweg {

template <typename Enum>
using EnumNames = std::vector<std::pair<Enum, std::string>>;

// Returns the name of `value`, which must be listed.
template <typename Enum>
const std::string& name_of(Enum value, const EnumNames<Enum>& names) {
  return std::find_if(names.begin(), names.end(), [&](const auto& name) { return name.first == value; })->second;
}

// Returns the enumerator called `name`. If there is none, throws a usage Error that begins with `what` ("--kind") and
// lists the names.
template <typename Enum>
Enum parse_enum(const std::string& what, const std::string& name, const EnumNames<Enum>& names) {
  std::string choices;
  for (const auto& [value, text] : names) {
    if (text == name) return value;
    choices += (choices.empty() ? "" : ", ") + text;
  }
  fail_usage("{}: expected one of {}, got '{}'", what, choices, name);
}

}  // namespace thalweg
