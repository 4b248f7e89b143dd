// Making planes: from the trajectories of a main path and its branches, through three points or two, or along random
// directions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <ATen/core/Tensor.h>

#include "base/error.h"
#include "trajectory/plane.h"
#include "trajectory/run_path.h"

namespace thalweg {

// What a plane carries and the caller knows.
struct PlaneContext {
  nlohmann::json layout;         // [{"name", "shape", "offset"}, ...], row-major
  nlohmann::json buffer_layout;  // the same for the buffers
  // Model, data, normalisation, runs, version, commit: kept as they are, with the plane's own keys added.
  nlohmann::json provenance = nlohmann::json::object();
};

enum class PlaneOrigin { kMean, kFinal, kFirst };
// "mean": of all distinct snapshots; "final", "first": last and first snapshot of the main path. Usage Error otherwise.
PlaneOrigin parse_plane_origin(const std::string& name);

// PCA of all runs together (collect_rows, gram_pca), with all of them projected; buffers follow the origin. Adds to the
// provenance: kind, origin, num_snapshots, explained_variance [2], random_walk_variance [2], eigenvalues (the first
// ten).
Plane pca_plane(const std::vector<RunPath>& runs, PlaneOrigin origin, const PlaneContext& context,
                std::int64_t chunk_bytes = kDefaultChunkBytes);

// A point that a plane goes through; `label` names it in the path (its coordinates are filled in).
struct PlanePoint {
  PathPoint label;
  at::Tensor weights;  // float32 [P], CPU
};

// The plane through three points: the origin is the first, d1 points to the second, d2 to the third's side; unit
// vectors, by Gram-Schmidt in float64. `buffers` belong to the first point. Throws Error if the points lie on one line.
// Adds kind and points (the labels' run and step).
Plane points_plane(const std::array<PlanePoint, 3>& points, const at::Tensor& buffers, const PlaneContext& context);

// Of two points that are one.
class SameWeights : public Error {
 public:
  using Error::Error;
};

// The line through two points, as a plane whose second direction is zero: the origin is the first, d1 the unit vector
// to the second. `buffers` belong to the first point. Throws SameWeights if the points are the same. Adds kind, points
// and length (the distance of the points).
Plane line_plane(const std::array<PlanePoint, 2>& points, const at::Tensor& buffers, const PlaneContext& context);

// Two filter-normalised Gaussian directions (Li et al., "Visualizing the Loss Landscape of Neural Nets", NeurIPS 2018):
// each filter (index of the first dimension) of a tensor with two dimensions or more gets a random direction as long as
// the filter itself; biases and norm parameters (one dimension) get zero. The directions are neither unit vectors nor
// exactly orthogonal. Direction k draws from Philox(seed, kDirection, k) in the order of the elements, so its bits
// depend on seed, layout and weights alone. Adds kind, seed, scaling and cosine (of the angle between the directions).
Plane random_plane(const at::Tensor& origin, const at::Tensor& buffers, std::uint64_t seed,
                   const PlaneContext& context);

}  // namespace thalweg
