// The parts shared by all map modes: the grid, the evaluator, and the loop over the points that the journal lacks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "landscape/config.h"
#include "landscape/grid.h"
#include "landscape/journal.h"
#include "landscape/level_grid.h"
#include "landscape/point_evaluator.h"
#include "landscape/preview.h"
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
  MapRun(const Parts& parts, ProgressMode progress);
  MapRun(const MapRun&) = delete;
  MapRun& operator=(const MapRun&) = delete;

  const Grid& grid() const { return parts_.grid; }
  const LandscapeConfig& config() const { return parts_.config; }
  PointEvaluator& evaluator() const { return parts_.evaluator; }
  Journal& journal() const { return parts_.journal; }
  std::int64_t num_classes() const { return parts_.num_classes; }
  PlaneCoordinates at(std::size_t point) const { return grid().at(point); }
  const LevelGrid& levels() const { return levels_; }
  std::vector<std::size_t> all_points() const;
  // All points, from the coarsest level to the finest, so that an unfinished map shows the whole early.
  std::vector<std::size_t> points_by_level() const;
  Preview& preview() { return preview_; }
  // The index of a value among the journal's values; throws Error if there is none.
  std::size_t value(const std::string& name) const;

  // Sets a callback that runs between two points, for showing the unfinished map from time to time.
  void on_pause(std::function<void()> pause) { pause_ = std::move(pause); }
  // Sets a callback that fills in the missing points of an unfinished surface before the preview does.
  void on_gaps(std::function<void(Surface&)> fill) { fill_ = std::move(fill); }
  // The surface as far as the journal goes, with gaps filled, "cell", and the derived values: SPLIT_error (percent
  // wrong) and gap_loss (test minus train).
  Surface surface() const;

  using Evaluate = std::function<Journal::Point(std::size_t point)>;
  // Prepares and chooses each of the points in turn, and writes the result of `evaluate` to the journal. Points that
  // are already in the journal are skipped. Throws Stopped after a signal, and Error if the GPU fails. `what` names the
  // work in messages. `ahead` promises that `evaluate` asks for all images of all splits, so points may be started
  // before their turn.
  void evaluate_points(const std::string& what, const std::vector<std::size_t>& points, const Evaluate& evaluate,
                       bool ahead = false);
  // As evaluate_points, but evaluates all of the points: a new result replaces the one in the journal.
  void evaluate_points_again(const std::string& what, const std::vector<std::size_t>& points, const Evaluate& evaluate);
  // Calls `visit` for each of the points, without the journal, and shows the progress. Throws Stopped after a signal.
  using Visit = std::function<void(std::size_t point)>;
  void for_each(const std::string& what, const std::vector<std::size_t>& points, const Visit& visit) const;
  // The same, but prepares and chooses each point before.
  void visit_points(const std::string& what, const std::vector<std::size_t>& points, const Visit& visit);

 private:
  struct Share {
    std::size_t done = 0, all = 0;  // numbers of points
  };
  void walk(const std::vector<std::size_t>& points, bool ahead, const Visit& visit);
  // `visit`, followed by its share of the progress; throws Stopped after a signal.
  Visit counted(Progress& progress, std::size_t all, const Visit& visit) const;
  [[noreturn]] void throw_stopped() const;
  struct Work {
    std::string what;
    std::vector<std::size_t> todo;
    bool ahead = false;
  };
  void work(const Work& work, Share share, const Evaluate& evaluate);

  Parts parts_;
  ProgressMode progress_;
  LevelGrid levels_;
  Preview preview_;
  std::function<void()> pause_;
  std::function<void(Surface&)> fill_;
};

// The name of the journal's last value for an evaluator with an engine: 1 for a point that was evaluated in float32
// because the engine's type was too narrow or the engine did not start, else 0.
inline constexpr const char* kFellBack = "fell_back";

// The map modes (landscape/config.h). Each runs until the journal has all points, and returns an entry for the
// surface's notes.
std::vector<std::string> exact_names(const std::vector<LandscapeSplit>& splits, std::int64_t num_classes);
nlohmann::json map_exactly(MapRun& run);
// The value names of the other two modes: cell, then for each split the values of split_estimate.h.
std::vector<std::string> estimated_names(const std::vector<LandscapeSplit>& splits, std::int64_t num_classes);
nlohmann::json map_by_samples(MapRun& run);
nlohmann::json map_adaptively(MapRun& run);

}  // namespace thalweg
