// A plane of weight space, w(x, y) = origin + x * d1 + y * d2, with the projected paths that it was made for. Its file
// format is safetensors: tensors `origin`, `d1`, `d2` (float32 [P]) and `buffers` (float32 [num_buffers], batch-norm
// statistics at the origin), metadata `layout` (JSON list of name, shape, offset, row-major PyTorch order),
// `buffer_layout` (the same for `buffers`) and `plane` (JSON: {"provenance": {...}, "path": [...]}).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <ATen/core/Tensor.h>

namespace thalweg {

// One snapshot projected onto a plane.
struct PathPoint {
  std::string run;        // name of the run: "main", "decay-at-5"
  std::int64_t step = 0;  // optimiser steps taken since the start of the main path
  double epoch = 0;       // the same in epochs
  double lr = 0;          // learning rate of the next update
  double x = 0;           // coordinates in units of d1 and d2 (unit vectors for PCA, points and line planes)
  double y = 0;
  double off_plane = 0;  // Euclidean distance from w to its projection
};

struct Plane {
  at::Tensor origin;             // float32 [P], CPU
  at::Tensor d1;                 // float32 [P]
  at::Tensor d2;                 // float32 [P]; zero for a line
  at::Tensor buffers;            // float32 [num_buffers]
  nlohmann::json layout;         // [{"name", "shape", "offset"}, ...]
  nlohmann::json buffer_layout;  // the same for `buffers`
  std::vector<PathPoint> path;   // ordered by run, then step; may be empty
  // {"kind": "pca", "origin": "mean", "model": {...}, "data": {...}, "normalisation": {...}, "runs": [...], "seed": n,
  //  "explained_variance": [0.8, 0.1], "random_walk_variance": [0.61, 0.15], "version", "commit"}
  nlohmann::json provenance;
};
// Whether the provenance is of kind "line", in which case all rows of the plane's map would be the same.
bool is_line(const nlohmann::json& provenance);

// Writes the file atomically. Throws Error for a plane that read_plane would reject.
void write_plane(const std::filesystem::path& file, const Plane& plane);
// Throws Error naming whatever is missing, of the wrong shape, or not finite.
Plane read_plane(const std::filesystem::path& file);
nlohmann::json to_json(const PathPoint& point);
PathPoint path_point_from_json(const nlohmann::json& json);

}  // namespace thalweg
