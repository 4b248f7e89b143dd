// Values of a split over a grid as they become known, level after level, and how far interpolation was off where it
// could be checked.
//
// The surplus of a point is what its value differs by from the interpolation of coarser points: it falls about 16-fold
// from level to level where the surface is smooth to bicubic interpolation. A point that is not evaluated is thought to
// be off by half of the largest surplus beside it, in values other than the mean loss by all of it, and passes that on
// as its own.
#pragma once

#include <vector>

#include "landscape/level_grid.h"
#include "landscape/split_estimate.h"

namespace thalweg {

class LevelValues {
 public:
  // Keeps a reference to the levels.
  explicit LevelValues(const LevelGrid& levels);

  // At a grid point from the values up to a level, all of which are there. The standard errors take in those of the
  // values, as if they went together, and the doubt; that of NaN is NaN. `images` is 0.
  SplitEstimate interpolate(std::size_t point, std::size_t level) const;
  // How far interpolation of the loss may be off there, nats; infinite on the level after the first.
  double doubt(std::size_t point, std::size_t level) const { return doubts(point, level)[kLoss]; }

  // Keeps the value of a point; the levels before its own are there.
  void set(std::size_t point, const SplitEstimate& value);
  // Takes the interpolated value.
  void interpolate_at(std::size_t point);
  // After the last point of a level: a coarser point's surplus becomes the largest of the level's points beside it.
  void close(std::size_t level);

  const SplitEstimate& operator[](std::size_t point) const { return values_[point]; }
  // Largest minus smallest finite loss so far; 0 if there is none.
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
