#include "report/end_lines.h"

#include <algorithm>
#include <cmath>

#include "base/statistics.h"
#include "io/json_member.h"
#include "report/map_notes.h"

namespace thalweg {
namespace {

// Returns null if there is no such line.
const Surface* find_line(const ReportData& data, const std::string& from, const std::string& to) {
  for (const Surface& line : data.lines) {
    const nlohmann::json points = member(line.provenance, "points");
    if (points.is_array() && points.size() == 2 && member(points[0], "run") == from && member(points[1], "run") == to)
      return &line;
  }
  return nullptr;
}

}  // namespace

bool EndLines::has(const std::string& key) const {
  return std::all_of(branches.begin(), branches.end(), [&](const Branch& branch) {
    return branch.descent->has(key) && (branch.next == nullptr || branch.next->has(key));
  });
}

double EndLines::rise(std::size_t index, const std::string& key) const {
  const std::vector<double>& loss = branches[index].next->values.at(key);
  if (!std::all_of(loss.begin(), loss.end(), [](double v) { return std::isfinite(v); })) return NAN;
  return *std::max_element(loss.begin(), loss.end()) - std::max(loss.front(), loss.back());
}

double EndLines::largest_rise(const std::string& key) const {
  double largest = 0;
  for (std::size_t i = 0; i + 1 < branches.size(); ++i) {
    const double here = rise(i, key);
    if (std::isnan(here)) return here;
    largest = std::max(largest, here);
  }
  return largest;
}

double EndLines::largest_error(const std::string& key) const {
  double largest = 0;
  for (const Branch& branch : branches) {
    for (const Surface* line : {branch.descent, branch.next}) {
      if (line == nullptr || is_all_exact(*line)) continue;
      if (!line->has(key + "_stderr")) return NAN;
      for (const double error : line->values.at(key + "_stderr")) largest = std::max(largest, error);
    }
  }
  return largest;
}

double EndLines::mean_descent(const std::string& key) const {
  std::vector<double> descents;
  for (const Branch& branch : branches) {
    const std::vector<double>& loss = branch.descent->values.at(key);
    descents.push_back(loss.front() - loss.back());
  }
  return statistic_of(descents).mean;
}

std::optional<EndLines> end_lines(const ReportData& data) {
  EndLines out;
  for (const RunSeries& run : data.runs) {
    if (!run.fork_epoch || run.diverged) continue;
    if (!out.branches.empty()) {
      EndLines::Branch& before = out.branches.back();
      before.next = find_line(data, before.name, run.name);
      if (before.next == nullptr) return std::nullopt;
    }
    const Surface* descent = find_line(data, run.name, run.name);
    if (descent == nullptr) return std::nullopt;
    out.branches.push_back({run.name, *run.fork_epoch, descent, nullptr});
  }
  if (out.branches.size() < 2) return std::nullopt;
  return out;
}

}  // namespace thalweg
