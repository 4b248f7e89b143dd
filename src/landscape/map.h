// Maps a plane: train and test loss and accuracy at every point of a grid, exactly, by sampling or adaptively
// (landscape/config.h).
//
// A point's weights are materialised with batch norm folded in (kernels/materialise.h) and run through the compiled
// evaluator. The same point gives the same bits whatever else is evaluated with it. A point whose loss is NaN or inf is
// stored as such. If a map is interrupted (Stopped) or killed, the journal keeps every finished point and the same call
// resumes. The map checks itself (landscape/audit.h): a map in reduced precision that deviates too much is made again
// in float32.
#pragma once

#include <filesystem>
#include <functional>

#include <c10/core/Device.h>

#include "base/progress.h"
#include "data/dataset.h"
#include "landscape/config.h"
#include "landscape/grid.h"
#include "landscape/surface.h"
#include "nn/graph.h"
#include "trajectory/plane.h"

namespace thalweg {

struct MapContext {
  const Graph& graph;
  const DataSet& data;
  c10::Device device;
  ProgressMode progress = ProgressMode::kAuto;
  // Receives the unfinished map, first after `show_after` seconds and then at growing intervals; its provenance
  // contains "unfinished".
  std::function<void(const Surface&)> show = {};
  double show_after = 5;  // seconds, doubled each time up to a minute (more if `show` takes long)
};

// The caller must remove `journal` (remove_journal) once the surface is written.
Surface map_landscape(const Plane& plane, const LandscapeConfig& config, const MapContext& context,
                      const std::filesystem::path& journal);

void remove_journal(const std::filesystem::path& journal);

// The grid of a configuration on a plane.
Grid map_grid(const Plane& plane, const LandscapeConfig& config);

// SHA-256 of the plane's vectors and buffers, which identifies the plane that a surface belongs to.
std::string plane_digest(const Plane& plane);

}  // namespace thalweg
