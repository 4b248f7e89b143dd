#include "landscape/node_grid.h"

#include <algorithm>

#include "landscape/interpolation.h"

namespace thalweg {
namespace {

constexpr std::size_t kOrder = 4;  // nodes a side: bicubic

}  // namespace

NodeGrid::Spacing NodeGrid::Spacing::half() const {
  return {std::max<std::size_t>(1, x / 2), std::max<std::size_t>(1, y / 2)};
}

NodeGrid::Spacing NodeGrid::coarsest() const {
  return {coarse_step(grid_.x.size()), coarse_step(grid_.y.size())};
}

std::vector<std::size_t> NodeGrid::points(Spacing spacing) const {
  std::vector<std::size_t> points;
  for (const std::size_t j : node_indices(grid_.y.size(), spacing.y)) {
    for (const std::size_t i : node_indices(grid_.x.size(), spacing.x)) points.push_back(j * grid_.x.size() + i);
  }
  return points;
}

Neighbours NodeGrid::around(std::size_t point) const {
  const std::size_t nx = grid_.x.size();
  const std::vector<std::size_t> columns = node_indices(nx, spacing_.x),
                                 rows = node_indices(grid_.y.size(), spacing_.y);
  Neighbours found;
  for (const NodeWeight& y : lagrange_weights(grid_.y, rows, grid_.y[point / nx], kOrder)) {
    for (const NodeWeight& x : lagrange_weights(grid_.x, columns, grid_.x[point % nx], kOrder)) {
      found.emplace_back(&nodes_.at(y.node * nx + x.node), x.weight * y.weight);
    }
  }
  return found;
}

NodeMeans interpolate(const Neighbours& around, std::size_t split) {
  NodeMeans out;
  for (const auto& [node, weight] : around) {
    out.loss += weight * node->means[split].loss;
    out.accuracy += weight * node->means[split].accuracy;
  }
  return out;
}

}  // namespace thalweg
