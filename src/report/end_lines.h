// The straight lines between the ends of branches (experiment/lines.h): whether branches end on one floor, in weight
// space.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/report.h"

namespace thalweg {

// Ordered by decay time. The surfaces belong to the report, which must outlive them; each is a row of points from one
// set of weights to the other.
struct EndLines {
  struct Branch {
    std::string name;
    double fork_epoch = 0;
    const Surface* descent = nullptr;  // from the fork to the end
    const Surface* next = nullptr;     // from the end to the next branch's; null for the last
  };
  std::vector<Branch> branches;  // at least two

  bool has(const std::string& key) const;  // whether all lines have it; the others require it

  // Returns how far the highest loss on the line from branch `index` to the next lies above the higher of both ends: at
  // least 0, or NaN if a loss on the line is not finite.
  double rise(std::size_t index, const std::string& key) const;
  double largest_rise(const std::string& key) const;  // of all lines; NaN if any is
  // Returns the largest standard error of the losses on the lines: 0 if they are over all images, NaN if it is unknown.
  double largest_error(const std::string& key) const;
  // Returns the mean descent of the loss from fork to end.
  double mean_descent(const std::string& key) const;
};
// Covers all branches that did not diverge; empty unless every line exists.
std::optional<EndLines> end_lines(const ReportData& data);

// Returns an SVG of the losses along the lines, over the decay times of the ends (or, if branches share one, over the
// distance along the lines), and of the losses at the forks.
std::string end_lines_figure(const ReportData& data, const EndLines& lines);
// Returns the page's section with figure and table; empty if there are no lines.
std::string end_lines_section(const ReportData& data);

}  // namespace thalweg
