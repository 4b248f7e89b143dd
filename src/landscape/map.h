// Maps a plane: train and test loss and accuracy at every point of a grid.
//
// A point's weights are materialised with batch norm folded in (kernels/materialise.h) and run through the compiled
// evaluator. The same point gives the same bits whatever else is evaluated with it. A point whose loss is NaN or inf is
// stored as such. Interrupted (Stopped) or killed, the journal keeps every finished point and the same call goes on.
#pragma once

#include <filesystem>

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
};

// `journal` is removed by the caller once the surface is written.
Surface map_landscape(const Plane& plane, const LandscapeConfig& config, const MapContext& context,
                      const std::filesystem::path& journal);

// SHA-256 over the plane's vectors and buffers: what a surface belongs to.
std::string plane_digest(const Plane& plane);

}  // namespace thalweg
