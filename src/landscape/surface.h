// A loss surface: values of train and test loss and accuracy over a grid of a plane.
//
// HDF5 (readable by tomgoldstein/loss-landscape's plotters, which want [ny][nx], float64 and accuracies in percent):
// `xcoordinates` [nx], `ycoordinates` [ny], `train_loss`, `train_acc`, `test_loss`, `test_acc` [ny][nx], `dir_file`
// (this file's own name); for its trajectory plot also `proj_xcoord`, `proj_ycoord` (all runs in turn, a NaN between
// two, so that a line drawn through them has gaps there) and `explained_variance_ratio_`. Ours beside them: string
// dataset `thalweg` (provenance and path as JSON), `status` [ny][nx] (0 fine, 1 loss or accuracy not finite), further
// values [ny][nx] and stacks of them [n][ny][nx] under their names, and float32 `SPLIT_image_loss` [ny][nx][N]
// (docs/formats.md). CSV: one row a point, x fastest, values without stacks.
//
// Read back too: that tool's own 2-D files (no `thalweg`): there -1 means "not computed" and becomes NaN, and an array
// shaped [nx][ny] is taken in the order in which it was filled, x fastest.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "trajectory/plane.h"

namespace thalweg {

// How a value came about: the numbers of the values "cell".
enum class Cell { kExact = 0, kEstimated = 1, kInterpolated = 2, kMissing = 3 };

struct Surface {
  std::vector<double> x;  // [nx], ascending
  std::vector<double> y;  // [ny], ascending
  // Row-major [ny][nx]: value at (x[i], y[j]) is [j * nx + i]. Keys "train_loss", "train_acc", "test_loss", "test_acc"
  // (at least one of them) and others; losses in nats, accuracies in percent; NaN and inf are kept as they came.
  std::map<std::string, std::vector<double>> values;
  // Several values of a kind, one behind the other: [n][ny][nx]. Keys "train_class_loss" and so on.
  std::map<std::string, std::vector<double>> stacks;
  std::vector<PathPoint> path;
  // The plane's, plus "landscape": grid, splits, bn mode, images, device, precision, seconds.
  nlohmann::json provenance;
  // Losses of single images by split, [ny][nx][N], where they were asked for. Not read back.
  std::map<std::string, std::vector<float>> image_losses = {};

  bool has(const std::string& key) const { return values.count(key) != 0; }
};

// The values under a name of summary_names or estimate_names (split_estimate.h), [ny][nx]: "train_loss", or
// "train_class_loss/3", a layer of a stack. NaN where it was not there. Valid until a layer is added to the same stack.
double* layer(Surface& surface, const std::string& name);

// "gap_loss", test minus train loss, where both are there and it is not.
void add_gap(Surface& surface);

// Where the smallest finite value of `key` lies; throws Error if there is none.
struct SurfaceMinimum {
  double x = 0;
  double y = 0;
  double value = 0;
};
SurfaceMinimum surface_minimum(const Surface& surface, const std::string& key);

void write_surface_hdf5(const std::filesystem::path& file, const Surface& surface);
void write_surface_csv(const std::filesystem::path& file, const Surface& surface);
// Throws Error for a file that is no table of a surface, by how it begins.
void check_surface_csv(const std::filesystem::path& file);
// Throws Error naming what is missing or of the wrong shape.
Surface read_surface_hdf5(const std::filesystem::path& file);

}  // namespace thalweg
