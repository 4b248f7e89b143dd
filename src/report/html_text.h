// Pieces of the HTML page that several of its sections are made of.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace thalweg {

// Text of a JSON value: strings as they are, numbers to six digits, "train 50000, test 10000" of an object. Not
// escaped.
std::string value_text(const nlohmann::json& value);
// A table of names and values, escaped; empty without facts.
std::string fact_table(const std::string& caption, const std::vector<std::pair<std::string, std::string>>& facts);

}  // namespace thalweg
