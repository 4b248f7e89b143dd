// metrics.csv: the "epoch" lines of metrics.jsonl as a table for spreadsheets and pandas, with a header and one row per
// epoch.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace thalweg {

// Columns: step, epoch, lr, then all other values that occur in any line, sorted by name. The cell of a value that is
// absent or not finite is empty. Numbers read back as the same doubles.
std::string metrics_csv(const std::vector<nlohmann::json>& epochs);

}  // namespace thalweg
