#include "trajectory/window_planes.h"

#include <cmath>

#include "base/error.h"
#include "io/json_member.h"
#include "trajectory/projection.h"

namespace thalweg {
namespace {

RunPath part_of(const RunPath& run, std::size_t first, std::size_t last) {
  const auto part = [&](const auto& all) {
    const auto begin = all.begin();
    return std::decay_t<decltype(all)>(begin + static_cast<std::ptrdiff_t>(first),
                                       begin + static_cast<std::ptrdiff_t>(last) + 1);
  };
  return {run.name, {}, part(run.infos), part(run.weights), part(run.buffers)};
}

template <typename Square>
double root_mean_square(const std::vector<PathPoint>& points, const Square& square) {
  double sum = 0;
  for (const PathPoint& p : points) sum += square(p);
  return std::sqrt(sum / static_cast<double>(points.size()));
}

double rms_off_plane(const std::vector<PathPoint>& points) {
  return root_mean_square(points, [](const PathPoint& p) { return p.off_plane * p.off_plane; });
}

}  // namespace

std::vector<std::pair<std::size_t, std::size_t>> cut_windows(std::size_t num_snapshots, int count) {
  check(count >= 1 && static_cast<std::size_t>(count) <= num_snapshots / 3,
        "{} windows need at least {} snapshots of the main path, but there are {}: use at most {} windows, or take "
        "snapshots more often",
        count, 3 * count, num_snapshots, num_snapshots / 3);
  std::vector<std::pair<std::size_t, std::size_t>> windows;
  const auto windows_end = static_cast<std::size_t>(count);
  const auto border = [&](std::size_t k) { return (k * (num_snapshots - 1) + windows_end / 2) / windows_end; };
  for (std::size_t k = 0; k < windows_end; ++k) windows.emplace_back(border(k), border(k + 1));
  return windows;
}

void window_planes(const std::vector<RunPath>& runs, int count, PlaneOrigin origin, const PlaneContext& context,
                   const std::function<void(Plane plane)>& take) {
  check(!runs.empty(), "there are no runs to take snapshots from");
  const RunPath& run = runs.front();
  const auto windows = cut_windows(run.infos.size(), count);
  const Plane one = pca_plane({run}, PlaneOrigin::kMean, context);
  const double spread =
      root_mean_square(one.path, [](const PathPoint& p) { return p.x * p.x + p.y * p.y + p.off_plane * p.off_plane; });
  for (std::size_t k = 0; k < windows.size(); ++k) {
    const auto [first, last] = windows[k];
    Plane plane = pca_plane({part_of(run, first, last)}, origin, context);
    const std::vector<PathPoint> on_one(one.path.begin() + static_cast<std::ptrdiff_t>(first),
                                        one.path.begin() + static_cast<std::ptrdiff_t>(last) + 1);
    plane.provenance["window"] = {{"number", k + 1},
                                  {"of", windows.size()},
                                  {"run", run.name},
                                  {"first_step", run.infos[first].step},
                                  {"last_step", run.infos[last].step},
                                  {"first_epoch", run.infos[first].epoch},
                                  {"last_epoch", run.infos[last].epoch},
                                  {"rms_off_plane", rms_off_plane(plane.path)},
                                  {"one_plane_rms_off_plane", rms_off_plane(on_one)},
                                  {"one_plane_explained_variance", one.provenance.at("explained_variance")},
                                  {"rms_spread", spread}};
    plane.path = project_runs(plane, runs);
    take(std::move(plane));
  }
}

std::vector<PathPoint> fitted_points(const std::vector<PathPoint>& path, const nlohmann::json& provenance) {
  const nlohmann::json window = member(provenance, "window");
  if (!window.is_object()) return path;
  std::vector<PathPoint> points;
  for (const PathPoint& p : path) {
    if (p.run == window.at("run") && p.step >= window.at("first_step") && p.step <= window.at("last_step"))
      points.push_back(p);
  }
  return points;
}

std::vector<std::filesystem::path> window_files(const std::filesystem::path& file, int windows) {
  std::vector<std::filesystem::path> files;
  for (int k = 1; k <= windows; ++k) {
    files.push_back(
        std::filesystem::path(file).replace_extension(fmt::format("w{}of{}{}", k, windows, file.extension().string())));
  }
  return files;
}

}  // namespace thalweg
