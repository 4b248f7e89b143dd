#include "trajectory/build_plane.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/isfinite.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "base/error.h"
#include "base/normal.h"
#include "trajectory/layout.h"
#include "trajectory/pca.h"
#include "trajectory/projection.h"

namespace thalweg {
namespace {

using nlohmann::json;

// Three points count as collinear if the third is this near to the line, relative to its distance from the first:
// float32 weights are accurate to 6e-8 of their own length, which is often ten times that distance.
constexpr double kOnLine = 1e-5;
constexpr std::size_t kEigenvaluesKept = 10;

// The origin as a combination of rows.
std::vector<double> origin_weights(const RowForest& forest, PlaneOrigin origin) {
  const std::size_t num_rows = forest.rows.size();
  if (origin == PlaneOrigin::kMean) return std::vector<double>(num_rows, 1.0 / static_cast<double>(num_rows));
  std::vector<double> weights(num_rows, 0.0);
  weights[origin == PlaneOrigin::kFinal ? forest.main_final : 0] = 1;
  return weights;
}

at::Tensor combine_buffers(const RowForest& forest, const std::vector<double>& weights) {
  const std::int64_t size = forest.buffers.front().numel();
  at::Tensor sum = at::zeros({size}, at::kDouble);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const at::Tensor& buffers = forest.buffers[i];
    check(buffers.scalar_type() == at::kFloat && buffers.dim() == 1 && buffers.numel() == size,
          "run {} has {} buffers at step {}, but {} at the first snapshot", forest.rows[i].run, buffers.numel(),
          forest.rows[i].step, size);
    // Skip rows of weight zero, which would spoil the sum if they were infinite.
    if (weights[i] != 0) sum.add_(buffers.to(at::kDouble), weights[i]);
  }
  return sum.to(at::kFloat);
}

Plane with_context(const PlaneContext& context) {
  Plane plane;
  plane.layout = context.layout;
  plane.buffer_layout = context.buffer_layout;
  plane.provenance = context.provenance;
  return plane;
}

std::vector<double> first_of(const std::vector<double>& values, std::size_t count) {
  return {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(std::min(count, values.size()))};
}

// A Gaussian direction in which each filter has the length of the origin's; `layout` is in order of offset.
at::Tensor filter_normalised_direction(const at::Tensor& origin, const std::vector<TensorPlace>& layout,
                                       NormalStream normal) {
  at::Tensor direction = at::zeros_like(origin);
  const float* w = origin.const_data_ptr<float>();
  float* d = direction.data_ptr<float>();
  std::vector<double> draw;
  for (const TensorPlace& entry : layout) {
    if (entry.shape.size() < 2 || entry.size == 0) continue;
    const std::int64_t filter_size = entry.size / entry.shape[0];
    draw.resize(static_cast<std::size_t>(filter_size));
    for (std::int64_t begin = entry.offset; begin < entry.offset + entry.size; begin += filter_size) {
      double weight_square = 0, draw_square = 0;
      for (std::int64_t i = 0; i < filter_size; ++i) {
        double& value = draw[static_cast<std::size_t>(i)];
        value = normal.next();
        draw_square += value * value;
        weight_square += static_cast<double>(w[begin + i]) * static_cast<double>(w[begin + i]);
      }
      const double scale = std::sqrt(weight_square / draw_square);
      for (std::int64_t i = 0; i < filter_size; ++i) {
        d[begin + i] = static_cast<float>(scale * draw[static_cast<std::size_t>(i)]);
      }
    }
  }
  return direction;
}

// The points' weights. Throws Error if any are not finite.
template <std::size_t N>
std::vector<WeightRow> finite_rows(const std::array<PlanePoint, N>& points) {
  std::vector<WeightRow> rows;
  for (const PlanePoint& point : points) rows.push_back({point.label.run, point.label.step, point.weights});
  check_rows(rows);
  for (const WeightRow& row : rows) {
    check(at::isfinite(row.weights).all().item<bool>(), "the weights of {} at step {} are not finite", row.run,
          row.step);
  }
  return rows;
}

// Adds the points to the plane's path, and their names to its provenance.
template <std::size_t N>
void add_points(Plane& plane, const std::array<PlanePoint, N>& points, const std::vector<WeightRow>& rows) {
  plane.provenance["points"] = json::array();
  const std::vector<Projection> projections = project_rows(plane, rows);
  for (std::size_t i = 0; i < N; ++i) {
    PathPoint point = points[i].label;
    point.x = projections[i].x;
    point.y = projections[i].y;
    point.off_plane = projections[i].off_plane;
    plane.provenance["points"].push_back({{"run", point.run}, {"step", point.step}});
    plane.path.push_back(std::move(point));
  }
}

}  // namespace

const EnumNames<PlaneKind>& plane_kinds() {
  static const EnumNames<PlaneKind> names = {{PlaneKind::kPca, "pca"},
                                             {PlaneKind::kRandom, "random"},
                                             {PlaneKind::kPoints, "points"},
                                             {PlaneKind::kLine, "line"}};
  return names;
}

const EnumNames<PlaneOrigin>& plane_origins() {
  static const EnumNames<PlaneOrigin> names = {
      {PlaneOrigin::kMean, "mean"}, {PlaneOrigin::kFinal, "final"}, {PlaneOrigin::kFirst, "first"}};
  return names;
}

Plane pca_plane(const std::vector<RunPath>& runs, PlaneOrigin origin, const PlaneContext& context,
                std::int64_t chunk_bytes) {
  const RowForest forest = collect_rows(runs);
  const std::vector<double> weights = origin_weights(forest, origin);
  const PcaResult pca = gram_pca(forest.rows, weights, chunk_bytes);
  const std::vector<double> walk = random_walk_shares(forest.parents, squared_steps(pca.gram, forest.parents), weights);

  Plane plane = with_context(context);
  plane.origin = pca.origin;
  plane.d1 = pca.d1;
  plane.d2 = pca.d2;
  plane.buffers = combine_buffers(forest, weights);
  plane.path = project_runs(plane, runs, chunk_bytes);
  plane.provenance["kind"] = name_of(PlaneKind::kPca, plane_kinds());
  plane.provenance["origin"] = name_of(origin, plane_origins());
  plane.provenance["num_snapshots"] = forest.rows.size();
  plane.provenance["explained_variance"] = first_of(pca.explained, 2);
  plane.provenance["random_walk_variance"] = first_of(walk, 2);
  plane.provenance["eigenvalues"] = first_of(pca.eigenvalues, kEigenvaluesKept);
  return plane;
}

Plane points_plane(const std::array<PlanePoint, 3>& points, const at::Tensor& buffers, const PlaneContext& context) {
  const std::vector<WeightRow> rows = finite_rows(points);
  const at::Tensor start = rows[0].weights.to(at::kDouble);
  at::Tensor d1 = rows[1].weights.to(at::kDouble).sub_(start);
  at::Tensor d2 = rows[2].weights.to(at::kDouble).sub_(start);
  const double length = d2.norm().item<double>();
  d1.div_(d1.norm().clamp_min(1e-300));
  for (int round = 0; round < 2; ++round) d2.sub_(d1 * d1.dot(d2));
  const double height = d2.norm().item<double>();
  check(d1.norm().item<double>() > 0.5 && height > kOnLine * length,
        "{} at step {}, {} at step {} and {} at step {} lie on one line, so they define no plane: choose another third "
        "point",
        rows[0].run, rows[0].step, rows[1].run, rows[1].step, rows[2].run, rows[2].step);

  Plane plane = with_context(context);
  plane.origin = rows[0].weights.clone();
  plane.d1 = d1.to(at::kFloat);
  plane.d2 = d2.div_(height).to(at::kFloat);
  plane.buffers = buffers.to(at::kCPU).clone();
  plane.provenance["kind"] = name_of(PlaneKind::kPoints, plane_kinds());
  add_points(plane, points, rows);
  return plane;
}

Plane line_plane(const std::array<PlanePoint, 2>& points, const at::Tensor& buffers, const PlaneContext& context) {
  const std::vector<WeightRow> rows = finite_rows(points);
  at::Tensor d1 = rows[1].weights.to(at::kDouble).sub_(rows[0].weights.to(at::kDouble));
  const double length = d1.norm().item<double>();
  if (!(length > 0)) {
    throw SameWeights(fmt::format("{} at step {} and {} at step {} have the same weights, so they define no line",
                                  rows[0].run, rows[0].step, rows[1].run, rows[1].step));
  }

  Plane plane = with_context(context);
  plane.origin = rows[0].weights.clone();
  plane.d1 = d1.div_(length).to(at::kFloat);
  plane.d2 = at::zeros_like(plane.d1);
  plane.buffers = buffers.to(at::kCPU).clone();
  plane.provenance["kind"] = name_of(PlaneKind::kLine, plane_kinds());
  plane.provenance["length"] = length;
  add_points(plane, points, rows);
  return plane;
}

Plane random_plane(const at::Tensor& origin, const at::Tensor& buffers, std::uint64_t seed,
                   const PlaneContext& context) {
  Plane plane = with_context(context);
  plane.origin = origin.to(at::kCPU).contiguous().clone();
  check(plane.origin.scalar_type() == at::kFloat && plane.origin.dim() == 1 &&
            at::isfinite(plane.origin).all().item<bool>(),
        "the origin of a random plane must be one finite float32 vector");
  const std::vector<TensorPlace> layout = parse_layout(plane.layout, plane.origin.numel(), "random plane");
  plane.d1 = filter_normalised_direction(plane.origin, layout, NormalStream(Philox(seed, RngPurpose::kDirection, 0)));
  plane.d2 = filter_normalised_direction(plane.origin, layout, NormalStream(Philox(seed, RngPurpose::kDirection, 1)));
  plane.buffers = buffers.to(at::kCPU).clone();
  const at::Tensor a = plane.d1.to(at::kDouble), b = plane.d2.to(at::kDouble);
  const double lengths = a.norm().item<double>() * b.norm().item<double>();
  check(lengths > 0,
        "all weights in tensors with two or more dimensions are zero, so filter-normalised directions would be zero");
  plane.provenance["kind"] = name_of(PlaneKind::kRandom, plane_kinds());
  plane.provenance["seed"] = seed;
  plane.provenance["scaling"] = "filter";
  plane.provenance["cosine"] = a.dot(b).item<double>() / lengths;
  return plane;
}

}  // namespace thalweg
