#include "trajectory/projection.h"

#include <cmath>

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "base/error.h"

namespace thalweg {
namespace {

// Directions are collinear, without stable coordinates, if 1 - cosine^2 of their angle is at most this.
constexpr double kCollinear = 1e-10;

// Both directions over a range of columns, float64 [2, C].
at::Tensor directions(const Plane& plane, std::int64_t begin, std::int64_t columns) {
  return at::stack({plane.d1.narrow(0, begin, columns), plane.d2.narrow(0, begin, columns)}).to(at::kDouble);
}

// Solves the normal equations; `products` [T, 2] are the rows' dot products with d1 and d2. Returns coordinates [T, 2].
at::Tensor solve(const at::Tensor& gram, const at::Tensor& products, bool line) {
  const double a = gram[0][0].item<double>(), b = gram[0][1].item<double>(), d = gram[1][1].item<double>();
  if (line && a > 0 && d == 0) return products / a;  // the second column is zero already
  const double determinant = a * d - b * b;
  check(determinant > kCollinear * a * d,
        "the plane's directions are collinear or zero (lengths {:g} and {:g}, determinant {:g}): coordinates are not "
        "defined",
        std::sqrt(a), std::sqrt(d), determinant);
  const at::Tensor p = products.select(1, 0), q = products.select(1, 1);
  return at::stack({(p * d - q * b) / determinant, (q * a - p * b) / determinant}, 1);
}

}  // namespace

std::vector<Projection> project_rows(const Plane& plane, const std::vector<WeightRow>& rows, std::int64_t chunk_bytes) {
  if (rows.empty()) return {};
  const std::int64_t num_params = check_rows(rows);
  check(num_params == plane.origin.numel(), "run {} has {} weights, but the plane is made for {}", rows.front().run,
        num_params, plane.origin.numel());
  const std::int64_t num_rows = static_cast<std::int64_t>(rows.size());
  at::Tensor gram = at::zeros({2, 2}, at::kDouble);
  at::Tensor products = at::zeros({num_rows, 2}, at::kDouble);
  for_each_chunk(rows, plane.origin, chunk_bytes, [&](const at::Tensor& x, std::int64_t begin) {
    const at::Tensor d = directions(plane, begin, x.size(1));
    gram.addmm_(d, d.t());
    products.addmm_(x, d.t());
  });
  const at::Tensor coordinates = solve(gram, products, is_line(plane.provenance));
  const double* xy = coordinates.const_data_ptr<double>();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    check(std::isfinite(xy[2 * i]) && std::isfinite(xy[2 * i + 1]),
          "the weights of run {} at step {} are not finite: the training diverged. Leave these snapshots out, or train "
          "with a smaller learning rate",
          rows[i].run, rows[i].step);
  }

  // The distance is computed from the residual itself: near the plane a difference of squares would be all rounding
  // error.
  at::Tensor squares = at::zeros({num_rows}, at::kDouble);
  for_each_chunk(rows, plane.origin, chunk_bytes, [&](at::Tensor& x, std::int64_t begin) {
    x.addmm_(coordinates, directions(plane, begin, x.size(1)), 1, -1);
    squares.add_(at::linalg_vector_norm(x, 2, at::IntArrayRef{1}).square_());
  });
  const double* off = squares.const_data_ptr<double>();
  std::vector<Projection> projections(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    projections[i] = {xy[2 * i], xy[2 * i + 1], std::sqrt(off[i])};
  }
  return projections;
}

std::vector<PathPoint> project_runs(const Plane& plane, const std::vector<RunPath>& runs, std::int64_t chunk_bytes) {
  std::vector<WeightRow> rows;
  std::vector<PathPoint> path;
  for (const RunPath& run : runs) {
    check(run.infos.size() == run.weights.size(), "run {}: {} snapshots and {} weight vectors", run.name,
          run.infos.size(), run.weights.size());
    for (std::size_t i = 0; i < run.infos.size(); ++i) {
      const SnapshotInfo& info = run.infos[i];
      rows.push_back({run.name, info.step, run.weights[i]});
      path.push_back({run.name, info.step, info.epoch, info.lr, 0, 0, 0});
    }
  }
  const std::vector<Projection> projections = project_rows(plane, rows, chunk_bytes);
  for (std::size_t i = 0; i < path.size(); ++i) {
    path[i].x = projections[i].x;
    path[i].y = projections[i].y;
    path[i].off_plane = projections[i].off_plane;
  }
  return path;
}

}  // namespace thalweg
