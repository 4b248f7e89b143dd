#include "report/valley.h"

#include <algorithm>
#include <cmath>

#include "base/statistics.h"
#include "report/contour.h"
#include "report/end_lines.h"
#include "report/map_notes.h"
#include "report/map_paths.h"
#include "report/map_plane.h"
#include "report/minima.h"
#include "report/run_style.h"

namespace thalweg {
namespace {

constexpr std::size_t kFewestBranches = 3;
constexpr int kSamples = 20;  // points on a line between two ends
constexpr char kLoss[] = "train_loss";

struct Fork {
  Point2 from, end;
};

// Finds the index of the cell that contains x and the relative position in it; returns false outside.
bool find_cell(const std::vector<double>& axis, double x, std::size_t* cell, double* part) {
  if (!(x >= axis.front() && x <= axis.back())) return false;
  const auto above = std::upper_bound(axis.begin() + 1, axis.end() - 1, x);
  *cell = static_cast<std::size_t>(above - axis.begin()) - 1;
  *part = (x - axis[*cell]) / (axis[*cell + 1] - axis[*cell]);
  return true;
}

// The direction of the largest spread of the ends.
Point2 principal_axis(const std::vector<Fork>& forks) {
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0;
  for (const Fork& f : forks) mean_x += f.end.x, mean_y += f.end.y;
  mean_x /= static_cast<double>(forks.size());
  mean_y /= static_cast<double>(forks.size());
  for (const Fork& f : forks) {
    const double dx = f.end.x - mean_x, dy = f.end.y - mean_y;
    xx += dx * dx, xy += dx * dy, yy += dy * dy;
  }
  const double angle = 0.5 * std::atan2(2 * xy, xx - yy);
  return {std::cos(angle), std::sin(angle)};
}

bool is_on_map(const Surface& surface, const Point2& p) {
  return p.x >= surface.x.front() && p.x <= surface.x.back() && p.y >= surface.y.front() && p.y <= surface.y.back();
}

double largest_rise(const Surface& surface, const std::vector<Fork>& forks) {
  double largest = 0;
  for (std::size_t i = 0; i + 1 < forks.size(); ++i) {
    const Point2 &a = forks[i].end, &b = forks[i + 1].end;
    const auto loss = [&](double t) { return value_at(surface, kLoss, a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)); };
    const double ends = std::max(loss(0), loss(1));
    for (int k = 1; k < kSamples; ++k) {
      const double rise = loss(static_cast<double>(k) / kSamples) - ends;
      if (!std::isfinite(rise)) return INFINITY;
      largest = std::max(largest, rise);
    }
  }
  return largest;
}

double mean_descent(const Surface& surface, const std::vector<Fork>& forks) {
  std::vector<double> descents;
  for (const Fork& f : forks) {
    descents.push_back(value_at(surface, kLoss, f.from.x, f.from.y) - value_at(surface, kLoss, f.end.x, f.end.y));
  }
  return statistic_of(descents).mean;
}

struct Floor {
  double descent, rise;  // of the train loss
  double error;          // largest standard error of that loss
  bool in_weight_space;
};

Floor measure_floor(const ReportData& data, const Surface& surface, const std::vector<Fork>& forks) {
  const std::optional<EndLines> lines = end_lines(data);
  if (lines && lines->has(kLoss))
    return {lines->mean_descent(kLoss), lines->largest_rise(kLoss), lines->largest_error(kLoss), true};
  return {mean_descent(surface, forks), largest_rise(surface, forks), 0, false};
}

}  // namespace

double value_at(const Surface& surface, const std::string& key, double x, double y) {
  std::size_t i = 0, j = 0;
  double u = 0, v = 0;
  if (!find_cell(surface.x, x, &i, &u) || !find_cell(surface.y, y, &j, &v)) return NAN;
  const std::vector<double>& values = surface.values.at(key);
  const std::size_t nx = surface.x.size(), at = j * nx + i;
  return (1 - v) * ((1 - u) * values[at] + u * values[at + 1]) +
         v * ((1 - u) * values[at + nx] + u * values[at + nx + 1]);
}

std::optional<Valley> measure_valley(const ReportData& data) {
  if (data.surfaces.empty()) return std::nullopt;
  const Surface& surface = data.surfaces.front();
  const Minima minima = find_minima(surface);
  const std::size_t missing = count_cells(surface)[static_cast<std::size_t>(Cell::kMissing)];
  if (is_one_row(surface) || is_unfinished(surface) || missing > 0 || !surface.has(kLoss) || !minima.test)
    return std::nullopt;
  const auto paths = paths_by_run(surface);
  const auto main = std::find_if(paths.begin(), paths.end(), [](const auto& p) { return is_main(p.front().run); });
  if (main == paths.end()) return std::nullopt;
  std::vector<Fork> forks;
  for (const auto& path : paths) {
    const PathPoint* fork = fork_point(paths, path);
    if (fork != nullptr) forks.push_back({{fork->x, fork->y}, {path.back().x, path.back().y}});
  }
  const bool on_map = std::all_of(forks.begin(), forks.end(), [&](const Fork& f) {
    return is_on_map(surface, f.from) && is_on_map(surface, f.end);
  });
  if (forks.size() < kFewestBranches || !on_map) return std::nullopt;
  const Point2 axis = principal_axis(forks), &first = forks.front().from;
  const double way_x = main->back().x - first.x, way_y = main->back().y - first.y;
  Valley out;
  out.alignment = std::abs(way_x * axis.x + way_y * axis.y) / std::hypot(way_x, way_y);
  const Floor floor = measure_floor(data, surface, forks);
  out.in_weight_space = floor.in_weight_space;
  out.descends = !(floor.descent <= 0);
  const bool finite = std::isfinite(floor.descent) && std::isfinite(floor.rise);
  out.barrier = finite && out.descends ? floor.rise / floor.descent : INFINITY;
  out.standard_error = floor.error / floor.descent;
  out.first_distance = std::hypot(first.x - minima.test->x, first.y - minima.test->y);
  out.last_distance = std::hypot(main->back().x - minima.test->x, main->back().y - minima.test->y);
  out.test_on_edge = minima.test_on_edge;
  return out;
}

}  // namespace thalweg
