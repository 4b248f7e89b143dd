#include "landscape/map_run.h"

#include <algorithm>
#include <numeric>

#include <ATen/ATen.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/stop.h"
#include "landscape/kept_images.h"
#include "landscape/split_estimate.h"
#include "landscape/split_summary.h"

namespace thalweg {
namespace {

void derive(Surface& surface) {
  for (const char* split : {"train", "test"}) {
    const auto accuracy = surface.values.find(std::string(split) + "_acc");
    if (accuracy == surface.values.end()) continue;
    std::vector<double> error = accuracy->second;
    for (double& value : error) value = 100 - value;
    surface.values[std::string(split) + "_error"] = std::move(error);
  }
  add_gap(surface);
}

// The surface of the journal's points; missing points are NaN.
Surface surface_of(const Grid& grid, const Journal& journal) {
  Surface surface;
  surface.x = grid.x;
  surface.y = grid.y;
  for (std::size_t k = 0; k < journal.names().size(); ++k) {
    double* values = layer(surface, journal.names()[k]);
    for (const auto& [point, result] : journal.points()) values[point] = result.values[k];
  }
  std::vector<double>& cell = surface.values["cell"];
  const bool exact = cell.empty();
  cell.resize(grid.size());
  for (std::size_t point = 0; point < grid.size(); ++point) {
    if (!journal.has(point))
      cell[point] = static_cast<double>(Cell::kMissing);
    else if (exact)
      cell[point] = static_cast<double>(Cell::kExact);
  }
  return surface;
}

}  // namespace

MapRun::MapRun(const Parts& parts, ProgressMode progress)
    : parts_(parts),
      progress_(progress),
      levels_(parts.grid),
      preview_(levels_, exact_names(parts.evaluator.splits(), parts.num_classes)) {}

std::size_t MapRun::value(const std::string& name) const {
  const std::vector<std::string>& names = journal().names();
  const auto found = std::find(names.begin(), names.end(), name);
  check(found != names.end(), "this map has no value \"{}\"", name);
  return static_cast<std::size_t>(found - names.begin());
}

std::vector<std::size_t> MapRun::all_points() const {
  std::vector<std::size_t> points(grid().size());
  std::iota(points.begin(), points.end(), std::size_t{0});
  return points;
}

std::vector<std::size_t> MapRun::points_by_level() const {
  std::vector<std::size_t> points;
  for (std::size_t level = 0; level < levels_.count(); ++level)
    points.insert(points.end(), levels_.points(level).begin(), levels_.points(level).end());
  return points;
}

void MapRun::throw_stopped() const {
  throw Stopped(fmt::format("landscape: stopped after {} of {} points; run the same command again to continue",
                            journal().points().size(), grid().size()));
}

MapRun::Visit MapRun::counted(Progress& progress, std::size_t all, const Visit& visit) const {
  return [this, &progress, all, &visit, done = std::size_t{0}](std::size_t point) mutable {
    visit(point);
    ++done;
    progress.update(static_cast<double>(done), fmt::format("{}/{} points", done, all));
    if (done == all) progress.finish();
    if (stop_requested()) throw_stopped();
  };
}

void MapRun::for_each(const std::string& what, const std::vector<std::size_t>& points, const Visit& visit) const {
  Progress progress(what, "points", static_cast<double>(points.size()), 0, progress_);
  std::ranges::for_each(points, counted(progress, points.size(), visit));
}

void MapRun::visit_points(const std::string& what, const std::vector<std::size_t>& points, const Visit& visit) {
  Progress progress(what, "points", static_cast<double>(points.size()), 0, progress_);
  walk(points, false, counted(progress, points.size(), visit));
}

void MapRun::walk(const std::vector<std::size_t>& points, bool ahead, const Visit& visit) {
  const std::size_t batch = evaluator().points_at_once();
  for (std::size_t begin = 0; begin < points.size(); begin += batch) {
    const std::size_t count = std::min(batch, points.size() - begin);
    std::vector<PlaneCoordinates> coordinates;
    for (std::size_t i = 0; i < count; ++i) coordinates.push_back(at(points[begin + i]));
    try {
      evaluator().prepare(coordinates, ahead);
      for (std::size_t i = 0; i < count; ++i) {
        evaluator().use(i);
        visit(points[begin + i]);
      }
    } catch (const std::exception& error) {
      if (!is_gpu_failure(error)) throw;
      fail(
          "landscape: the GPU failed after {} of {} points: {}; the finished points are safe in the journal: run the "
          "same command again to continue, on another GPU if this one fails again",
          journal().points().size(), grid().size(), first_line(error.what()));
    }
  }
}

void MapRun::evaluate_points(const std::string& what, const std::vector<std::size_t>& points, const Evaluate& evaluate,
                             bool ahead) {
  std::vector<std::size_t> todo;
  for (const std::size_t point : points) {
    if (!journal().has(point)) todo.push_back(point);
  }
  work({what, todo, ahead}, {points.size() - todo.size(), points.size()}, evaluate);
}

void MapRun::evaluate_points_again(const std::string& what, const std::vector<std::size_t>& points,
                                   const Evaluate& evaluate) {
  work({what, points}, {0, points.size()}, evaluate);
}

void MapRun::work(const Work& work, Share share, const Evaluate& evaluate) {
  Progress progress(work.what, "points", static_cast<double>(share.all), static_cast<double>(share.done), progress_);
  walk(work.todo, work.ahead, [&](std::size_t point) {
    Journal::Point values = evaluate(point);
    if (evaluator().may_fall_back()) values.values.push_back(evaluator().fell_back() ? 1 : 0);
    journal().append(point, std::move(values));
    ++share.done;
    progress.update(static_cast<double>(share.done), fmt::format("{}/{} points", share.done, share.all));
    if (stop_requested() && (share.done < share.all || journal().points().size() < grid().size())) throw_stopped();
    if (pause_) pause_();
  });
  progress.finish(fmt::format("{}/{} points", share.done, share.all));
}

Surface MapRun::surface() const {
  Surface surface = surface_of(grid(), journal());
  if (fill_) fill_(surface);
  preview_.fill(surface);
  derive(surface);
  return surface;
}

std::vector<std::string> exact_names(const std::vector<LandscapeSplit>& splits, std::int64_t num_classes) {
  std::vector<std::string> names;
  for (const LandscapeSplit& split : splits) {
    for (std::string& name : summary_names(split.name, num_classes)) names.push_back(std::move(name));
  }
  return names;
}

std::vector<std::string> estimated_names(const std::vector<LandscapeSplit>& splits, std::int64_t num_classes) {
  std::vector<std::string> names = {"cell"};
  for (const LandscapeSplit& split : splits) {
    for (std::string& name : estimate_names(split.name, num_classes)) names.push_back(std::move(name));
  }
  return names;
}

nlohmann::json map_exactly(MapRun& run) {
  run.evaluate_points(
      "landscape", run.points_by_level(),
      [&](std::size_t) {
        Journal::Point point;
        std::vector<ImageLosses> images;
        for (const LandscapeSplit& split : run.evaluator().splits()) {
          images.push_back(run.evaluator().evaluate(split));
          const std::vector<double> values = summarise(images.back(), split.labels, run.num_classes());
          point.values.insert(point.values.end(), values.begin(), values.end());
        }
        if (run.config().image_losses) point.images = to_bytes(images);
        return point;
      },
      /*ahead=*/true);
  return nlohmann::json::object();
}

}  // namespace thalweg
