// One pass over the levels of an adaptive map: decides which points are evaluated, and how.
//
// Level 0 is exact. On a finer level, a point is
// - interpolated if interpolation was accurate at all points beside it (LevelValues::doubt is small against the
//   tolerance);
// - else estimated: for each split, by a sample of the residuals of the guess from coarser levels (guess_sample.h),
//   until the half width of a betting interval is below kGoal of the tolerance. A sample that stops because its draws
//   are close together has met few outliers, so the usual standard error would be too small. The standard error of the
//   loss is instead the interval's half width divided by 1.96; the interval holds however a sample stops;
// - or, if that would take so many images that evaluating all of them pays off, exact, and then a node for guesses on
//   finer levels.
//
// What happens on a level depends only on the journal's records of coarser levels, so a stopped map resumes to the same
// bits. Each further pass halves the tolerance of the one before, keeps exact points, and does not interpolate in or
// next to cells in which an audit found a point outside the tolerance.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "landscape/adaptive_point.h"
#include "landscape/guess_sample.h"
#include "landscape/level_values.h"
#include "landscape/map_run.h"

namespace thalweg {

class AdaptiveLevels {
 public:
  // What a sample is used for; part of the name of its draws.
  enum class Purpose : std::uint32_t { kEstimate = 0, kAudit = 1 };

  // The run must outlive this object.
  AdaptiveLevels(MapRun& run, int pass);
  AdaptiveLevels(const AdaptiveLevels&) = delete;
  AdaptiveLevels& operator=(const AdaptiveLevels&) = delete;

  // Evaluates the points that the journal lacks, level by level. Throws as MapRun::evaluate_points does.
  void evaluate();

  std::size_t num_splits() const { return splits_.size(); }
  const LandscapeSplit& split(std::size_t s) const { return run_.evaluator().splits()[s]; }
  // The tolerance of the whole map, not of the pass, in nats.
  double tolerance(std::size_t s) const;
  // Whether the point was evaluated rather than interpolated.
  bool is_evaluated(std::size_t point) const;
  // The point's record, or one made of interpolated values.
  AdaptivePoint point(std::size_t point) const;
  // The guess for a split at the point, which the evaluator must have chosen before it is sampled.
  GuessSample::Point guessed(std::size_t point, std::size_t s);
  StratifiedSample::Name draws(std::size_t point, std::size_t s, Purpose purpose) const;
  // Fills points without evaluated values with interpolated ones, as far as the levels are complete.
  void fill(Surface& surface) const;

 private:
  struct Split {
    LevelValues values;
    ImageGuess guess;
    double goal = 0;  // for the level, nats
  };
  void evaluate_level();
  bool is_outdated(std::size_t point) const;
  bool is_wanted(std::size_t point) const;
  AdaptivePoint evaluate_point(std::size_t point);
  bool estimate(std::size_t point, std::size_t s, AdaptivePoint& out);
  void evaluate_all(std::size_t s, AdaptivePoint& out) const;
  AdaptivePoint read(const Journal::Point& record) const;
  void take(std::size_t point);
  double worth_of_node() const;

  MapRun& run_;
  const LevelGrid& levels_;
  int pass_;
  std::size_t level_ = 0;  // the level in progress; all coarser ones are complete
  std::vector<Split> splits_;
  std::vector<std::size_t> violators_;  // points that earlier audits found outside the tolerance
  std::set<std::size_t> suspects_;      // corners of the previous level's cells that contain violators
};

}  // namespace thalweg
