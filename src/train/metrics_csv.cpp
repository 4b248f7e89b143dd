#include "train/metrics_csv.h"

#include <algorithm>
#include <cmath>

#include <fmt/ranges.h>

namespace thalweg {
namespace {

std::vector<std::string> columns_of(const std::vector<nlohmann::json>& epochs) {
  std::vector<std::string> columns = {"step", "epoch", "lr"};
  const auto first_other = static_cast<std::ptrdiff_t>(columns.size());
  for (const nlohmann::json& line : epochs) {
    for (const auto& [name, value] : line.items()) {
      if (name != "kind" && std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
    }
  }
  std::sort(columns.begin() + first_other, columns.end());
  return columns;
}

}  // namespace

std::string metrics_csv(const std::vector<nlohmann::json>& epochs) {
  const std::vector<std::string> columns = columns_of(epochs);
  std::string text = fmt::format("{}\n", fmt::join(columns, ","));
  for (const nlohmann::json& line : epochs) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) text += ',';
      const auto found = line.find(columns[i]);
      if (found != line.end() && found->is_number() && std::isfinite(found->get<double>())) text += found->dump();
    }
    text += '\n';
  }
  return text;
}

}  // namespace thalweg
