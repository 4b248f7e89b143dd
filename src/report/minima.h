// The smallest losses of a map, and a sentence on them.
#pragma once

#include <optional>
#include <string>

#include "landscape/surface.h"

namespace thalweg {

// The smallest losses on the map and how far apart they lie.
struct Minima {
  std::optional<SurfaceMinimum> train;
  std::optional<SurfaceMinimum> test;
  std::optional<double> distance;
  bool on_edge = false;       // one of them lies on the border of the map: the true one may be outside
  bool test_on_edge = false;  // that of the test loss does
};
Minima find_minima(const Surface& surface);

// One sentence or two on the minima; empty without a finite loss. On a map of several seeds' runs, whose valleys are
// their own, whose path each is nearest to in place of how far apart they are.
std::string minima_sentence(const Surface& surface);

}  // namespace thalweg
