// The smallest losses of a map, and a sentence about them.
#pragma once

#include <optional>
#include <string>

#include "landscape/surface.h"

namespace thalweg {

// The points of smallest loss on the map, and their distance.
struct Minima {
  std::optional<SurfaceMinimum> train;
  std::optional<SurfaceMinimum> test;
  std::optional<double> distance;
  bool on_edge = false;       // one of them lies on the border: a lower value may lie outside
  bool test_on_edge = false;  // the minimum of the test loss does
};
Minima find_minima(const Surface& surface);

// One or two sentences on the minima; empty if no loss is finite. On a map with the runs of several seeds, which have
// valleys of their own, says whose path is nearest to each minimum instead of how far apart the minima are.
std::string minima_sentence(const Surface& surface);

}  // namespace thalweg
