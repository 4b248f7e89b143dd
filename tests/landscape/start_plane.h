// A plane around a network's initial weights, for tests of maps.
#pragma once

#include "nn/graph.h"
#include "nn/init.h"
#include "trajectory/plane.h"

namespace thalweg {

// The caller must fill in the directions.
inline Plane start_plane(const Graph& graph) {
  Plane plane;
  plane.origin = initial_weights(graph, 3);
  plane.buffers = initial_buffers(graph);
  plane.layout = to_json(graph.parameters);
  plane.buffer_layout = to_json(graph.buffers);
  plane.provenance = nlohmann::json::object();
  return plane;
}

}  // namespace thalweg
