// The lines between ends of an experiment (experiment/lines.h): whether branches end on one floor, in weight space.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/report.h"

namespace thalweg {

// By decay time. Surfaces are those of the report, which must stay; each is a row of points from one set of weights to
// the other.
struct EndLines {
  struct Branch {
    std::string name;
    double fork_epoch = 0;
    const Surface* descent = nullptr;  // from its fork to its end
    const Surface* next = nullptr;     // from its end to the next branch's; null of the last
  };
  std::vector<Branch> branches;  // at least two

  bool has(const std::string& key) const;  // whether all lines have it, as the others want

  // The highest loss on the line from branch `index` to the next, above the higher of both ends; at least 0, NaN where
  // one on the line is not finite.
  double rise(std::size_t index, const std::string& key) const;
  double largest_rise(const std::string& key) const;  // of all lines; NaN if any is
  // The largest standard error of the losses on the lines; 0 where they are over all images, NaN where it is not known.
  double largest_error(const std::string& key) const;
  // From forks to ends, on average.
  double mean_descent(const std::string& key) const;
};
// Of all branches that did not diverge; empty unless every line is there.
std::optional<EndLines> end_lines(const ReportData& data);

// SVG: losses along the lines, over the decay times of the ends, and those of the forks.
std::string end_lines_figure(const ReportData& data, const EndLines& lines);
// The page's section with figure and table; empty without lines.
std::string end_lines_section(const ReportData& data);

}  // namespace thalweg
