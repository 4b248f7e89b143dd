// What the ways of mapping share: the grid, the evaluator, and the loop over points that the journal lacks.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "landscape/config.h"
#include "landscape/grid.h"
#include "landscape/journal.h"
#include "landscape/point_evaluator.h"
#include "landscape/surface.h"

namespace thalweg {

class MapRun {
 public:
  struct Parts {
    const Grid& grid;
    const LandscapeConfig& config;
    PointEvaluator& evaluator;
    Journal& journal;
    std::int64_t num_classes = 0;
  };
  MapRun(const Parts& parts, ProgressMode progress) : parts_(parts), progress_(progress) {}

  const Grid& grid() const { return parts_.grid; }
  const LandscapeConfig& config() const { return parts_.config; }
  PointEvaluator& evaluator() const { return parts_.evaluator; }
  Journal& journal() const { return parts_.journal; }
  std::int64_t num_classes() const { return parts_.num_classes; }
  PlaneCoordinates at(std::size_t point) const { return grid().at(point); }
  std::vector<std::size_t> all_points() const;
  // Its index among the journal's values; Error if there is none.
  std::size_t value(const std::string& name) const;

  // What to do between two points: a map in the making is shown now and then.
  void on_pause(std::function<void()> pause) { pause_ = std::move(pause); }
  // How points that are missing yet can be filled in meanwhile.
  void on_gaps(std::function<void(Surface&)> fill) { fill_ = std::move(fill); }
  // The surface as far as the journal goes, gaps filled, with "cell" and what follows from the values: SPLIT_error
  // (percent wrong) and gap_loss (test minus train).
  Surface surface() const;

  using Evaluate = std::function<Journal::Point(std::size_t point)>;
  // Prepares and chooses each of the points in turn, and keeps what `evaluate` says in the journal. Those that the
  // journal has are left out. Throws Stopped after a signal, and Error where the GPU fails. `what` names the work in
  // messages. `ahead`: `evaluate` asks for all images of all splits, so that points may be begun before their turn.
  void evaluate_points(const std::string& what, const std::vector<std::size_t>& points, const Evaluate& evaluate,
                       bool ahead = false);
  // The same for all of the points: where the journal has one, what is said now counts.
  void evaluate_points_again(const std::string& what, const std::vector<std::size_t>& points, const Evaluate& evaluate);
  // Prepares and chooses each of the points in turn, without the journal. Throws Stopped after a signal.
  void visit_points(const std::vector<std::size_t>& points, const std::function<void(std::size_t point)>& visit);

 private:
  struct Share {
    std::size_t done = 0, all = 0;  // points
  };
  void walk(const std::vector<std::size_t>& points, bool ahead, const std::function<void(std::size_t point)>& visit);
  [[noreturn]] void throw_stopped() const;
  struct Work {
    std::string what;
    std::vector<std::size_t> todo;
    bool ahead = false;
  };
  void work(const Work& work, Share share, const Evaluate& evaluate);

  Parts parts_;
  ProgressMode progress_;
  std::function<void()> pause_;
  std::function<void(Surface&)> fill_;
};

// The name of a journal's last value where an evaluator has an engine: 1 for a point that was evaluated in float32
// since the engine's type was too narrow, else 0.
inline constexpr const char* kFellBack = "fell_back";

// The ways (landscape/config.h), each until the journal has all points. What they return goes into the surface's notes.
std::vector<std::string> exact_names(const std::vector<LandscapeSplit>& splits, std::int64_t num_classes);
nlohmann::json map_exactly(MapRun& run);
// Of the other two: cell, then for each split the values of split_estimate.h.
std::vector<std::string> estimated_names(const std::vector<LandscapeSplit>& splits, std::int64_t num_classes);
nlohmann::json map_by_samples(MapRun& run);
nlohmann::json map_adaptively(MapRun& run);

}  // namespace thalweg
