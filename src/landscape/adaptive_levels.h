// The points of an adaptive map in one pass over its levels: which of them are evaluated, and how.
//
// Level 0 is exact. On a finer level
// - a point is interpolated where no point beside it surprised (LevelValues::doubt is small against the tolerance);
// - else each split is estimated by a sample of what the guess from coarser levels lacks (guess_sample.h), until the
//   half width of a betting interval is below kGoal of the tolerance. A sample that stops when its draws are close
//   together has met few that are far off, and the usual standard error is too small then: that of the loss is such
//   that 1.96 of it are the interval, which holds however a sample stops;
// - or, where that would take so many images that it pays to know all of them, is exact, and a node for guesses on
//   finer levels.
//
// What happens on a level depends on the journal's records of coarser levels alone, so that a map that was stopped goes
// on to the same bits. A later pass has half the tolerance of the one before, keeps what is exact, and interpolates
// nothing in cells beside those where an audit found a point outside of the tolerance.
#pragma once

#include <set>
#include <vector>

#include "landscape/adaptive_point.h"
#include "landscape/guess_sample.h"
#include "landscape/level_values.h"
#include "landscape/map_run.h"

namespace thalweg {

class AdaptiveLevels {
 public:
  // What a sample is for: names its draws.
  enum class Purpose : std::uint32_t { kEstimate = 0, kAudit = 1 };

  // Keeps a reference to the run.
  AdaptiveLevels(MapRun& run, int pass);
  AdaptiveLevels(const AdaptiveLevels&) = delete;
  AdaptiveLevels& operator=(const AdaptiveLevels&) = delete;

  // Evaluates what the journal lacks, level by level. Throws as MapRun::evaluate_points does.
  void evaluate();

  std::size_t num_splits() const { return splits_.size(); }
  const LandscapeSplit& split(std::size_t s) const { return run_.evaluator().splits()[s]; }
  // Nats, for the whole map: not the pass's.
  double tolerance(std::size_t s) const;
  // Whether it was evaluated, not interpolated.
  bool is_evaluated(std::size_t point) const;
  // Its record, or one of interpolated values.
  AdaptivePoint point(std::size_t point) const;
  // Of a split, at the point once the evaluator has chosen it.
  GuessSample::Point guessed(std::size_t point, std::size_t s);
  StratifiedSample::Name draws(std::size_t point, std::size_t s, Purpose purpose) const;
  // Puts interpolated values where there are no others, as far as the levels go.
  void fill(Surface& surface) const;

 private:
  struct Split {
    LevelValues values;
    ImageGuess guess;
    double goal = 0;  // of the level, nats
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
  LevelGrid levels_;
  int pass_;
  std::size_t level_ = 0;  // that is being made; all coarser ones are there
  std::vector<Split> splits_;
  std::vector<std::size_t> violators_;  // points that earlier passes' audits found outside of the tolerance
  std::set<std::size_t> suspects_;      // corners of the cells of the level before that hold them
};

}  // namespace thalweg
