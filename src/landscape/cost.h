// What a map will cost, measured on three of its points, and maps that fit a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "landscape/map.h"

namespace thalweg {

struct PointTime {
  double fixed = 0;      // seconds, whatever its images: weights, batch norm's statistics
  double per_image = 0;  // seconds
};

struct MapCost {
  std::int64_t points = 0;
  double images = 0;  // evaluated in all points
  // Beside them (landscape/audit.h): in float32 at the origin, and in both precisions at points of a reduced map.
  double checkpoint_images = 0;
  double audit_points = 0;
  double audit_images = 0;  // in all of those
  // stderr and tolerance decide as they go: the numbers are those of an exact map. A map with stderr takes no more.
  bool of_exact_map = false;
  bool at_most = false;
  double flops = 0;    // 2 x multiply-adds of the forward passes, batch norm's statistics' too; padding counted
  PointTime time;      // in the map's precision
  PointTime float32;   // of its checks
  double seconds = 0;  // in all
  double measuring_seconds = 0;  // that it took to find that out
  double memory_mb = 0;          // this process's peak so far (on a GPU: reserved there), after the three points
};
void to_json(nlohmann::json& json, const MapCost& cost);

MapCost measure_cost(const Plane& plane, const LandscapeConfig& config, const MapContext& context);

// "60s", "5m", "1.5h", "90" -> seconds. Usage Error otherwise.
double parse_duration(const std::string& text);
// Usage Error if `config` says images, stderr or tolerance itself, or asks for the losses of single images.
void check_budget(const LandscapeConfig& config);
// The configuration with fewer images, then also a coarser grid, so that with the measuring it takes at most `seconds`
// by what was measured: the grid as asked with all images if that fits, else samples of 500 images or more of each
// split, else the largest grid of the same shape with 500, down to 11 points a side with 100. Usage Error if that does
// not fit either, and as check_budget's.
LandscapeConfig fit_budget(const LandscapeConfig& config, const MapCost& exact, double seconds);
// What fit_budget gave the map that `journal` is of, which goes on as it began, whatever would be measured now. Nothing
// if there is no such journal; an Error if that map has another budget or grid, or no budget.
std::optional<LandscapeConfig> begun_within_budget(const std::filesystem::path& journal, const LandscapeConfig& config,
                                                   double seconds);

}  // namespace thalweg
