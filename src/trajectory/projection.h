// Projects weights onto a plane: least-squares coordinates, and the true distance of the weights from the plane.
#pragma once

#include <cstdint>
#include <vector>

#include "trajectory/plane.h"
#include "trajectory/run_path.h"
#include "trajectory/weight_rows.h"

namespace thalweg {

struct Projection {
  double x = 0;
  double y = 0;
  double off_plane = 0;  // ||w - origin - x d1 - y d2||, computed from the difference itself
};

// Solves for the coordinates with the 2 x 2 Gram matrix of d1 and d2, whatever their lengths and angle, in float64 and
// in chunks of columns. On a plane of kind "line", whose d2 is zero, y is 0. Throws Error if the directions of any
// other plane are collinear, or if a row is not finite (naming its run and step).
std::vector<Projection> project_rows(const Plane& plane, const std::vector<WeightRow>& rows,
                                     std::int64_t chunk_bytes = kDefaultChunkBytes);

// Projects every snapshot of the runs, a branch's fork point included, in the form of Plane::path.
std::vector<PathPoint> project_runs(const Plane& plane, const std::vector<RunPath>& runs,
                                    std::int64_t chunk_bytes = kDefaultChunkBytes);

}  // namespace thalweg
