#include "landscape/level_grid.h"

#include <algorithm>

namespace thalweg {
namespace {

constexpr std::size_t kCoarsest = 3;  // intervals per side on level 0
constexpr std::size_t kOrder = 4;     // points per side for interpolation: bicubic

// The first level that uses each coordinate.
std::vector<std::size_t> first_levels(const std::vector<std::vector<std::size_t>>& axis) {
  std::vector<std::size_t> first(axis.back().size());
  for (std::size_t level = axis.size(); level-- > 0;) {
    for (const std::size_t index : axis[level]) first[index] = level;
  }
  return first;
}

// The neighbours of `index` among `indices`: `index` itself if it is one of them, else the ones before and after it.
std::vector<std::size_t> bracket(const std::vector<std::size_t>& indices, std::size_t index) {
  const auto after = std::lower_bound(indices.begin(), indices.end(), index);
  if (*after == index) return {index};
  return {*(after - 1), *after};
}

}  // namespace

std::vector<LevelGrid::Indices> LevelGrid::axis_levels(std::size_t n) {
  std::vector<Indices> levels;
  for (std::size_t parts = kCoarsest;; parts *= 2) {
    Indices indices;
    for (std::size_t j = 0; j <= parts; ++j) indices.push_back((2 * j * (n - 1) + parts) / (2 * parts));
    indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
    levels.push_back(indices);
    if (indices.size() == n) return levels;
  }
}

const LevelGrid::Indices& LevelGrid::at(const std::vector<Indices>& axis, std::size_t level) {
  return axis[std::min(level, axis.size() - 1)];
}

LevelGrid::LevelGrid(const Grid& grid)
    : grid_(grid), x_(axis_levels(grid.x.size())), y_(axis_levels(grid.y.size())), level_of_(grid.size()) {
  const std::vector<std::size_t> of_x = first_levels(x_), of_y = first_levels(y_);
  points_.resize(std::max(x_.size(), y_.size()));
  for (std::size_t point = 0; point < grid.size(); ++point) {
    level_of_[point] = std::max(of_x[point % grid.x.size()], of_y[point / grid.x.size()]);
    points_[level_of_[point]].push_back(point);
  }
}

std::vector<NodeWeight> LevelGrid::around(std::size_t point, std::size_t level) const {
  const std::size_t nx = grid_.x.size();
  const std::vector<NodeWeight> columns = lagrange_weights(grid_.x, at(x_, level), grid_.x[point % nx], kOrder);
  std::vector<NodeWeight> found;
  for (const NodeWeight& y : lagrange_weights(grid_.y, at(y_, level), grid_.y[point / nx], kOrder)) {
    for (const NodeWeight& x : columns) {
      if (x.weight * y.weight != 0) found.push_back({y.node * nx + x.node, x.weight * y.weight});
    }
  }
  return found;
}

std::vector<std::size_t> LevelGrid::corners(std::size_t point, std::size_t level) const {
  const std::size_t nx = grid_.x.size();
  std::vector<std::size_t> found;
  for (const std::size_t j : bracket(at(y_, level), point / nx)) {
    for (const std::size_t i : bracket(at(x_, level), point % nx)) found.push_back(j * nx + i);
  }
  return found;
}

}  // namespace thalweg
