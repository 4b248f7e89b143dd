// The geometry of a main path and its branches on a map of the plane: whether the ends of the branches lie on one
// floor, and whether the main path goes along it. On the plane alone, where what lies off it is not seen, but for the
// floor where the straight lines between the ends were evaluated (report/end_lines.h).
#pragma once

#include <optional>

#include "report/report.h"

namespace thalweg {

struct Valley {
  // |cos| of the angle between the main path's way, from the first fork to its end, and the floor's axis: the first
  // principal axis of the branches' ends.
  double alignment = 0;
  // How far the train loss rises above the higher of two neighbouring ends on the straight line between them, at most;
  // in parts of the mean descent from forks to ends. 0: no barrier. Infinite where the loss on such a line or
  // at a fork is not finite, or no descent is seen.
  double barrier = 0;
  // False where branches end no lower, on average, than they forked: such a seed shows no floor.
  bool descends = true;
  bool in_weight_space = false;  // both; else they are those of the plane's map
  // Of the losses on the lines in weight space, at most, in the same parts; 0 where they are over all images.
  double standard_error = 0;
  // From the main path to the smallest test loss, at the first fork and at its end.
  double first_distance = 0, last_distance = 0;
  bool test_on_edge = false;  // the smallest test loss lies on the border of the map: a smaller one may be outside
};

// Empty where the report has no 2-D map of train and test loss with all its points evaluated, fewer than three branches
// on it, or one that forks or ends outside.
std::optional<Valley> measure_valley(const ReportData& data);

// Bilinear interpolation; NaN outside the map.
double value_at(const Surface& surface, const std::string& key, double x, double y);

}  // namespace thalweg
