// Planes from what lies on disk: run folders and weights files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
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
// Where they and their maps lie beside the plane or map `file` of the whole: plane.h5 -> plane.w1of4.h5 ...
std::vector<std::filesystem::path> window_files(const std::filesystem::path& file, int windows);

// Folders of the runs in `folder`: itself, or main and the branches of an experiment, main first, seed by seed.
std::vector<std::filesystem::path> find_runs(const std::filesystem::path& folder);

// The file of the final weights of the first of them. Error if the run has none yet.
std::filesystem::path final_weights_of(const std::filesystem::path& folder);

}  // namespace thalweg
