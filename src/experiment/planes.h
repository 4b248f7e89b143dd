// Planes from what lies on disk: run folders and weights files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "trajectory/plane.h"

namespace thalweg {

struct PlaneRequest {
  std::string kind = "pca";     // pca, random, points, line
  std::string origin = "mean";  // of pca
  std::uint64_t seed = 0;       // of random
  int windows = 0;              // of pca: so many planes more, along the first run
  // Sources: run folders; an experiment's folder stands for all of its runs, with "seeds" for those of all seeds. Runs
  // of several seeds share one plane, and are named "RUN, seed N". For random (one), points (three) and line (two) also
  // weights files, and RUN@STEP for a snapshot.
  std::vector<std::string> sources;
  // {"model", "data", "normalisation"} for weights files that do not say it themselves.
  nlohmann::json fallback_description;
};

// Throws Error naming the source and what is wrong with it.
Plane make_plane(const PlaneRequest& request);

// The planes of request.windows windows in turn (trajectory/window_planes.h).
void make_window_planes(const PlaneRequest& request, const std::function<void(Plane plane)>& take);

}  // namespace thalweg
