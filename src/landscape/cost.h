// What a map will cost, measured on three of its points, and maps that fit a time.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "landscape/map.h"

namespace thalweg {

struct MapCost {
  std::int64_t points = 0;
  double images = 0;             // evaluated in all points
  double checkpoint_images = 0;  // beside them, at the origin (landscape/audit.h)
  bool at_most = false;          // stderr and tolerance decide as they go: this is what an exact map takes
  double flops = 0;          // 2 x multiply-adds of the forward passes, batch norm's statistics' too; padding counted
  double fixed_seconds = 0;  // a point, whatever its images: weights, batch norm's statistics
  double seconds_per_image = 0;  // of a point
  double seconds = 0;            // in all
  double memory_mb = 0;          // this process's peak so far (on a GPU: reserved there), after the three points
};
void to_json(nlohmann::json& json, const MapCost& cost);

MapCost measure_cost(const Plane& plane, const LandscapeConfig& config, const MapContext& context);

// "60s", "5m", "1.5h", "90" -> seconds. Usage Error otherwise.
double parse_duration(const std::string& text);
// The configuration with fewer images, then also a coarser grid, so that it takes at most `seconds` by what was
// measured: the grid as asked with all images if that fits, else samples of 500 images or more of each split, else the
// largest grid of the same shape with 500, down to 11 points a side with 100. Usage Error if that does not fit either,
// or if `config` says images, stderr or tolerance itself.
LandscapeConfig fit_budget(const LandscapeConfig& config, const MapCost& exact, double seconds);

}  // namespace thalweg
