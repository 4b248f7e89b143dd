// Predicts the cost of a map from measurements at some of its points, and fits maps to a time budget.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "landscape/map.h"

namespace thalweg {

struct PointTime {
  double fixed = 0;      // seconds, independent of the images: weights, batch-norm statistics
  double per_image = 0;  // seconds
  double shared = 0;     // seconds, once for each image: work that all points share (landscape/plain_points.h)
  double sample = 0;     // seconds for each image of a sample, on top: gathering it, and its estimates
};

struct MapCost {
  std::int64_t points = 0;
  double images = 0;  // evaluated at all points together
  // In addition, for the checks (landscape/audit.h): images in float32 at the origin; and, for a reduced-precision map,
  // points that are evaluated in both precisions.
  double checkpoint_images = 0;
  double audit_points = 0;
  double audit_images = 0;  // at all audit points together
  // Maps with stderr or tolerance decide the number of images as they go: the numbers are then those of an exact map. A
  // map with stderr takes no more than that.
  bool of_exact_map = false;
  bool at_most = false;
  double flops = 0;              // 2 x multiply-adds, including batch-norm statistics and padding
  PointTime time;                // in the map's precision
  PointTime float32;             // in float32, for the checks
  double seconds = 0;            // total
  double measuring_seconds = 0;  // time that the measurement took
  double memory_mb = 0;          // this process's peak (on a GPU: reserved there) after the three points
};
void to_json(nlohmann::json& json, const MapCost& cost);

MapCost measure_cost(const Plane& plane, const LandscapeConfig& config, const MapContext& context);

// Parses "60s", "5m", "1.5h" or "90" into seconds. Throws usage Error for anything else.
double parse_duration(const std::string& text);
// Throws usage Error if `config` sets images, stderr or tolerance itself, or asks for the losses of single images.
void check_budget(const LandscapeConfig& config);
// Reduces the number of images, then also the grid, so that map and measurement together take at most `seconds`
// according to the measurement: the requested grid with all images if that fits, else with samples of at least 500
// images of each split, else the largest grid of the same shape with 500, down to 11 points a side with 100. Throws
// usage Error if that does not fit either, and as check_budget does.
LandscapeConfig fit_budget(const LandscapeConfig& config, const MapCost& exact, double seconds);
// The configuration that fit_budget returned when the map of `journal` was begun; the map is resumed with it, whatever
// would be measured now. Returns nullopt if there is no such journal; throws Error if the map has another budget or
// grid, or no budget.
std::optional<LandscapeConfig> begun_within_budget(const std::filesystem::path& journal, const LandscapeConfig& config,
                                                   double seconds);

}  // namespace thalweg
