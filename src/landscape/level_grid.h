// Nested levels of a grid: coarse grids that are subsets of the fine one, each about twice as fine as the one before.
//
// Along an axis of n coordinates, level l uses the indices round(j (n - 1) / (3 2^l)), j = 0 ... 3 2^l. Level 0
// therefore has 4 x 4 points including the grid's corners, and the last level has all points. A point belongs to the
// first level that uses it.
#pragma once

#include <vector>

#include "landscape/grid.h"
#include "landscape/interpolation.h"

namespace thalweg {

class LevelGrid {
 public:
  // The grid must outlive this object.
  explicit LevelGrid(const Grid& grid);

  const Grid& grid() const { return grid_; }
  std::size_t count() const { return points_.size(); }
  std::size_t level_of(std::size_t point) const { return level_of_[point]; }
  // The grid points that belong to a level, in ascending order.
  const std::vector<std::size_t>& points(std::size_t level) const { return points_[level]; }

  // The nodes and weights of bicubic interpolation at a grid point from the points up to a level: at most 16; points of
  // weight 0 are omitted.
  std::vector<NodeWeight> around(std::size_t point, std::size_t level) const;
  // The corners of the level's cell that contains a grid point: 4, or 2 if the point lies on an edge, or the point
  // itself.
  std::vector<std::size_t> corners(std::size_t point, std::size_t level) const;

 private:
  using Indices = std::vector<std::size_t>;
  static std::vector<Indices> axis_levels(std::size_t n);
  static const Indices& at(const std::vector<Indices>& axis, std::size_t level);

  const Grid& grid_;
  std::vector<Indices> x_, y_;         // by level
  std::vector<std::size_t> level_of_;  // by grid point
  std::vector<Indices> points_;        // by level
};

}  // namespace thalweg
