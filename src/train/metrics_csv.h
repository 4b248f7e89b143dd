// metrics.csv: the "epoch" lines of metrics.jsonl as a table for spreadsheets and pandas: a header, then a row an
// epoch.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace thalweg {

// Columns: step, epoch, lr, then every other value that any of the lines has, by name. A value that is not there or not
// finite leaves its cell empty. Numbers read back as the same doubles.
std::string metrics_csv(const std::vector<nlohmann::json>& epochs);

}  // namespace thalweg
