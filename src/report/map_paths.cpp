#include "report/map_paths.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "io/json_member.h"
#include "report/run_style.h"
#include "trajectory/folders.h"
#include "trajectory/run_name.h"
#include "trajectory/window_planes.h"

namespace thalweg {

std::vector<std::vector<PathPoint>> paths_by_run(const Surface& surface) {
  std::vector<std::vector<PathPoint>> paths;
  for (const PathPoint& point : surface.path) {
    const auto found =
        std::find_if(paths.begin(), paths.end(), [&](const auto& p) { return p.front().run == point.run; });
    if (found == paths.end()) {
      paths.push_back({point});
    } else {
      found->push_back(point);
    }
  }
  for (auto& path : paths) {
    std::stable_sort(path.begin(), path.end(), [](const PathPoint& a, const PathPoint& b) { return a.step < b.step; });
  }
  std::stable_sort(paths.begin(), paths.end(), [](const auto& a, const auto& b) {
    return std::tuple(!is_main(a.front().run), a.front().step) < std::tuple(!is_main(b.front().run), b.front().step);
  });
  return paths;
}

bool has_trainings(const Surface& surface) {
  const nlohmann::json points = member(surface.provenance, "points");
  const auto is_named = [](const PathPoint& at, const nlohmann::json& point) {
    return member(point, "run") == at.run && member(point, "step") == at.step;
  };
  return surface.path.size() > 1 && (!points.is_array() || !std::ranges::equal(surface.path, points, is_named));
}

const PathPoint* fork_point(const std::vector<std::vector<PathPoint>>& paths, const std::vector<PathPoint>& branch) {
  const PathPoint* fork = nullptr;
  const RunName name = split_run_name(branch.front().run);
  if (name.run == kMainRun || name.is_average) return nullptr;
  for (const auto& path : paths) {
    if (!is_main(path.front().run) || split_run_name(path.front().run).seed != name.seed) continue;
    for (const PathPoint& p : path) {
      if (p.step <= branch.front().step) fork = &p;
    }
  }
  return fork;
}

double off_plane_limit(const Surface& surface) {
  const std::vector<PathPoint> path = fitted_points(surface.path, surface.provenance);
  if (path.empty()) return 0;
  const auto [left, right] =
      std::minmax_element(path.begin(), path.end(), [](const PathPoint& a, const PathPoint& b) { return a.x < b.x; });
  const auto [low, high] =
      std::minmax_element(path.begin(), path.end(), [](const PathPoint& a, const PathPoint& b) { return a.y < b.y; });
  return 0.5 * std::hypot(right->x - left->x, high->y - low->y);
}

}  // namespace thalweg
