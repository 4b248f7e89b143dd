// A loss surface: values of train and test loss and accuracy over a grid of a plane.
//
// HDF5 (readable by tomgoldstein/loss-landscape's plotters, which want [ny][nx], float64 and accuracies in percent):
// `xcoordinates` [nx], `ycoordinates` [ny], `train_loss`, `train_acc`, `test_loss`, `test_acc` [ny][nx], `dir_file`
// (this file's own name); for its trajectory plot also `proj_xcoord`, `proj_ycoord` (all runs in turn, with a NaN
// between two runs, so that a line drawn through them has gaps there) and `explained_variance_ratio_`. Our additions:
// string dataset `thalweg` (provenance and path as JSON), `status` [ny][nx] (0 fine, 1 loss or accuracy not finite),
// further values [ny][nx] and stacks of them [n][ny][nx] under their names, and float32 `SPLIT_image_loss` [ny][nx][N]
// (docs/formats.md). CSV: one row per point, x fastest, values without stacks.
//
// That tool's own 2-D files (without `thalweg`) can be read too: -1, which there means "not computed", becomes NaN, and
// an array shaped [nx][ny] is read in the order in which it was filled, x fastest.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "trajectory/plane.h"

namespace thalweg {

// How a value was obtained; the numbers are those of the values "cell".
enum class Cell { kExact = 0, kEstimated = 1, kInterpolated = 2, kMissing = 3 };

struct Surface {
  std::vector<double> x;  // [nx], ascending
  std::vector<double> y;  // [ny], ascending
  // Row-major [ny][nx]: the value at (x[i], y[j]) is [j * nx + i]. Keys "train_loss", "train_acc", "test_loss",
  // "test_acc" (at least one of them) and others; losses in nats, accuracies in percent; NaN and inf are kept
  // unchanged.
  std::map<std::string, std::vector<double>> values;
  // Stacked values of one kind: [n][ny][nx]. Keys "train_class_loss" and so on.
  std::map<std::string, std::vector<double>> stacks;
  std::vector<PathPoint> path;
  // The plane's provenance, plus "landscape": grid, splits, bn mode, images, device, precision, seconds.
  nlohmann::json provenance;
  // The losses of single images by split, [ny][nx][N], if requested. Not read back.
  std::map<std::string, std::vector<float>> image_losses = {};
  // The name of the file that it was read from; empty if it was not.
  std::string file = {};

  bool has(const std::string& key) const { return values.count(key) != 0; }
};

// The values under a name of summary_names or estimate_names (split_estimate.h), [ny][nx]: "train_loss", or
// "train_class_loss/3", a layer of a stack. Created with NaN if it does not exist. Valid until a layer is added to the
// same stack.
double* layer(Surface& surface, const std::string& name);

// Adds "gap_loss", test minus train loss, if both exist and it does not.
void add_gap(Surface& surface);

// Whether the map was not complete when this was made of it.
bool is_unfinished(const Surface& surface);

struct SurfaceMinimum {
  double x = 0;
  double y = 0;
  double value = 0;
};
// The smallest finite value of `key` and its position, if there is one. Of an unfinished map, interpolated points do
// not count.
std::optional<SurfaceMinimum> surface_minimum(const Surface& surface, const std::string& key);

void write_surface_hdf5(const std::filesystem::path& file, const Surface& surface);
void write_surface_csv(const std::filesystem::path& file, const Surface& surface);
// Throws Error if the file does not begin with the columns of a surface's table.
void check_surface_csv(const std::filesystem::path& file);
// Throws Error naming whatever is missing or of the wrong shape.
Surface read_surface_hdf5(const std::filesystem::path& file);

}  // namespace thalweg
