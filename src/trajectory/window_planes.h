// Planes along a curved path: the main path's snapshots are cut into windows, and a PCA plane is fitted to each. A long
// curve lies in no plane; a smooth one leaves the plane of a window of length s by a multiple of s^3 (curvature *
// torsion / 6).
#pragma once

#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

#include "trajectory/build_plane.h"

namespace thalweg {

inline constexpr int kMaxWindows = 1000;  // the most that can be requested

// The indices of the first and the last snapshot of each of `count` windows over `num_snapshots`. The windows are as
// equal in length as possible, and neighbours share one snapshot, so that one map ends where the next begins. Throws
// Error if there are more windows than a third of the snapshots: a plane goes through any three points.
std::vector<std::pair<std::size_t, std::size_t>> cut_windows(std::size_t num_snapshots, int count);

// Calls `take` with the plane of each window of the first run in turn (pca_plane of the window's snapshots alone, with
// `origin` taken within the window), after projecting all runs onto it. Adds "window" to the provenance: number (from
// 1), of, run, first_step, last_step, first_epoch, last_epoch, rms_off_plane (root mean square distance of the window's
// snapshots from this plane); and, for comparison with one plane fitted to the whole run: one_plane_rms_off_plane (of
// the same snapshots), one_plane_explained_variance [2] and rms_spread (of the whole run around its mean).
void window_planes(const std::vector<RunPath>& runs, int count, PlaneOrigin origin, const PlaneContext& context,
                   const std::function<void(Plane plane)>& take);

// The files of the windows' planes or maps, next to the plane or map `file` of the whole run: plane.h5 ->
// plane.w1of4.h5 ...
std::vector<std::filesystem::path> window_files(const std::filesystem::path& file, int windows);

// The points of a plane's path that the plane was fitted to and its map should contain: those of its window, or all.
std::vector<PathPoint> fitted_points(const std::vector<PathPoint>& path, const nlohmann::json& provenance);

}  // namespace thalweg
