// Construction of planes: from the trajectories of a main path and its branches, through three points or two, or along
// random directions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <ATen/core/Tensor.h>

#include "base/error.h"
#include "io/enum_names.h"
#include "trajectory/plane.h"
#include "trajectory/run_path.h"

namespace thalweg {

// The parts of a plane that only the caller knows.
struct PlaneContext {
  nlohmann::json layout;         // [{"name", "shape", "offset"}, ...], row-major
  nlohmann::json buffer_layout;  // the same for the buffers
  // Model, data, normalisation, runs, version, commit: copied unchanged; the functions below add their own keys.
  nlohmann::json provenance = nlohmann::json::object();
};

enum class PlaneKind { kPca, kRandom, kPoints, kLine };
const EnumNames<PlaneKind>& plane_kinds();
// The origin of a PCA plane: the mean of all distinct snapshots, or the main path's last or first snapshot.
enum class PlaneOrigin { kMean, kFinal, kFirst };
const EnumNames<PlaneOrigin>& plane_origins();

// PCA of all runs together (collect_rows, gram_pca), with all of them projected onto the plane; the buffers belong to
// the origin. Adds to the provenance: kind, origin, num_snapshots, explained_variance [2], random_walk_variance [2],
// eigenvalues (the first ten).
Plane pca_plane(const std::vector<RunPath>& runs, PlaneOrigin origin, const PlaneContext& context,
                std::int64_t chunk_bytes = kDefaultChunkBytes);

// A point that defines a plane; `label` is its entry in the plane's path (the coordinates are filled in).
struct PlanePoint {
  PathPoint label;
  at::Tensor weights;  // float32 [P], CPU
};

// The plane through three points: the origin is the first point, d1 points to the second, and d2 is orthogonal to d1 on
// the third point's side. d1 and d2 are unit vectors, by Gram-Schmidt in float64. `buffers` belong to the first point.
// Throws Error if the points lie on one line. Adds kind and points (the labels' run and step) to the provenance.
Plane points_plane(const std::array<PlanePoint, 3>& points, const at::Tensor& buffers, const PlaneContext& context);

// Thrown if both points of a line have the same weights.
class SameWeights : public Error {
 public:
  using Error::Error;
};

// The line through two points, as a plane whose second direction is zero: the origin is the first point, d1 the unit
// vector towards the second. `buffers` belong to the first point. Throws SameWeights if the points are the same. Adds
// kind, points and length (the distance between the points) to the provenance.
Plane line_plane(const std::array<PlanePoint, 2>& points, const at::Tensor& buffers, const PlaneContext& context);

// Two filter-normalised Gaussian directions (Li et al., "Visualizing the Loss Landscape of Neural Nets", NeurIPS 2018):
// for a tensor with two or more dimensions, each filter (index of the first dimension) gets a random direction of the
// same length as the filter itself; biases and norm parameters (one dimension) get zero. The directions are neither
// unit vectors nor exactly orthogonal. Direction k is drawn from Philox(seed, kDirection, k) in the order of the
// elements, so its bits depend only on seed, layout and weights. Adds kind, seed, scaling and cosine (of the angle
// between the directions) to the provenance.
Plane random_plane(const at::Tensor& origin, const at::Tensor& buffers, std::uint64_t seed,
                   const PlaneContext& context);

}  // namespace thalweg
