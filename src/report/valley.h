// The geometry of a main path and its branches on a map of the plane: whether the branches end on one floor, and
// whether the main path runs along it. Measured on the plane, blind to anything off it, except for the floor if the
// straight lines between the ends were evaluated (report/end_lines.h).
#pragma once

#include <optional>

#include "report/report.h"

namespace thalweg {

struct Valley {
  // |cos| of the angle between the main path's direction, from the first fork to its end, and the axis of the floor,
  // which is the first principal axis of the branches' ends.
  double alignment = 0;
  // The largest rise of the train loss on a straight line between neighbouring ends, above the higher of the two, as a
  // fraction of the mean descent from forks to ends. 0: no barrier. Infinite if the loss on such a line or at a fork is
  // not finite, or if there is no descent.
  double barrier = 0;
  // False if branches end no lower, on average, than they forked; such a seed shows no floor.
  bool descends = true;
  bool in_weight_space = false;  // whether `barrier` and `descends` are; else on the map's plane
  // The largest standard error of the losses on the lines in weight space, as the same fraction; 0 if over all images.
  double standard_error = 0;
  // The main path's distance to the smallest test loss, at the first fork and at its end.
  double first_distance = 0, last_distance = 0;
  bool test_on_edge = false;  // the smallest test loss is on the map's border: a smaller one may lie outside
};

// Empty if the report has no fully evaluated 2-D map of train and test loss, if there are fewer than three branches on
// it, or if one of them forks or ends outside.
std::optional<Valley> measure_valley(const ReportData& data);

// Interpolates bilinearly; NaN outside the map.
double value_at(const Surface& surface, const std::string& key, double x, double y);

}  // namespace thalweg
