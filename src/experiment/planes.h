// Makes planes from files on disk: run folders and weights files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "trajectory/build_plane.h"

namespace thalweg {

struct PlaneRequest {
  PlaneKind kind = PlaneKind::kPca;
  PlaneOrigin origin = PlaneOrigin::kMean;  // for kPca
  std::uint64_t seed = 0;                   // for kRandom
  int windows = 0;                          // for kPca: number of extra planes along the first run
  // Run folders; an experiment's folder stands for all of its runs, including those of every seed. Runs of several
  // seeds share one plane and are named "RUN, seed N". kRandom (one source), kPoints (three) and kLine (two) also
  // accept weights files, and RUN@STEP for a snapshot.
  std::vector<std::string> sources;
  // {"model", "data", "normalisation"}, used for weights files that carry no description of their own.
  nlohmann::json fallback_description;
};

// Throws Error naming the source and its defect.
Plane make_plane(const PlaneRequest& request);

// Makes the planes of request.windows windows (trajectory/window_planes.h) and passes each to `take`, in order.
void make_window_planes(const PlaneRequest& request, const std::function<void(Plane plane)>& take);

}  // namespace thalweg
