// Text and tables shared by several sections of the HTML page.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace thalweg {

// The text of a JSON value: strings unchanged, floating-point numbers to six digits, an object as "train 50000, test
// 10000". Not escaped.
std::string value_text(const nlohmann::json& value);
// An HTML table of names and values, escaped; empty if there are no facts.
std::string fact_table(const std::string& caption, const std::vector<std::pair<std::string, std::string>>& facts);

}  // namespace thalweg
