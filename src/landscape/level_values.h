// Values of a split over a grid as they become known, level by level, and the error of interpolation where it can be
// checked.
//
// The surplus of a point is the difference between its value and the interpolation from coarser points: it falls about
// 16-fold from level to level where the surface is smooth to bicubic interpolation. A point that is not evaluated is
// assumed to be off by half of the largest surplus beside it (in values other than the mean loss, by all of it), and
// passes that on as its own surplus.
#pragma once

#include <vector>

#include "landscape/level_grid.h"
#include "landscape/split_estimate.h"

namespace thalweg {

class LevelValues {
 public:
  // The levels must outlive this object.
  explicit LevelValues(const LevelGrid& levels);

  // Interpolates at a grid point from the values up to a level, all of which must be known. The standard errors combine
  // those of the values, as if fully correlated, with the doubt; the standard error of a NaN is NaN. `images` is 0.
  SplitEstimate interpolate(std::size_t point, std::size_t level) const;
  // How far interpolation of the loss may be off there, in nats; infinite on the level after the first.
  double doubt(std::size_t point, std::size_t level) const { return doubts(point, level)[kLoss]; }

  // Sets the value of a point; the levels before its own must be known.
  void set(std::size_t point, const SplitEstimate& value);
  // Sets the value of a point to the interpolated one.
  void interpolate_at(std::size_t point);
  // Must be called after the last point of a level: sets a coarser point's surplus to the largest of the level's points
  // beside it.
  void close(std::size_t level);

  const SplitEstimate& operator[](std::size_t point) const { return values_[point]; }
  // The largest minus the smallest finite loss so far; 0 if there is none.
  double range() const { return high_ > low_ ? high_ - low_ : 0; }

 private:
  using Surplus = std::vector<double>;  // of each value of an estimate
  Surplus doubts(std::size_t point, std::size_t level) const;
  void keep(std::size_t point, SplitEstimate value, Surplus surplus);

  const LevelGrid& levels_;
  std::vector<SplitEstimate> values_;  // by grid point
  std::vector<Surplus> surplus_;       // by grid point
  double low_, high_;
};

}  // namespace thalweg
