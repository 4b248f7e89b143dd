// The "landscape" object of a configuration, and the flags of `thalweg landscape`.
//
//   {"grid": "25x25", "range": "x0:x1,y0:y1" or "", "margin": 0.2, "splits": ["train", "test"],
//    "bn": "recompute", "bn_images": 1000, "train_images": 0, "test_images": 0, "precision": "float32",
//    "audit_points": 8, "max_deviation": 0.005, "images": 0, "stderr": 0, "tolerance": "", "image_losses": false,
//    "seed": 0}
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include "io/config_reader.h"

namespace thalweg {

// The batch-norm statistics used at a point of the plane.
enum class BnMode {
  kRecompute,  // those of the first bn_images training images, in one batch, at that point
  kOrigin,     // the plane's buffers, the same everywhere (what older tools do)
  kBatch       // of each batch of bn_images evaluated images
};

// How the losses of a point are obtained.
enum class MapMode {
  kExact,    // of all images
  kSampled,  // of a stratified sample of them, with standard errors
  kAdaptive  // exact on a coarse grid, elsewhere interpolated or corrected by samples; certified
};

// The largest error of an adaptive map: in nats, or as a share of the surface's range.
struct Tolerance {
  double value = 0;
  bool relative = false;
};
// Parses "0.02", or "1%" of the range. Throws usage Error for anything else.
Tolerance parse_tolerance(const std::string& text);

struct LandscapeConfig {
  std::string grid = "25x25";
  std::string range;    // empty: fitted to the path
  double margin = 0.2;  // on each side, as a share of the path's extent
  bool train = true;
  bool test = true;
  BnMode bn = BnMode::kRecompute;
  std::int64_t bn_images = 1000;
  std::int64_t train_images = 0;  // the first N of the split; 0: all
  std::int64_t test_images = 0;
  c10::ScalarType precision = c10::ScalarType::Float;  // or BFloat16, or Half; Undefined: "auto"
  std::int64_t audit_points = 8;                       // points of a reduced-precision map evaluated again in float32
  double max_deviation = 0.005;                        // relative; above it the map is made again in float32
  std::int64_t images = 0;                             // above 0: kSampled, this many of each split
  double standard_error = 0;                           // above 0: kSampled, as many images as needed
  std::string tolerance;                               // not empty: kAdaptive
  bool image_losses = false;                           // kExact only: the surface also holds each image's loss
  std::int64_t seed = 0;                               // seed of samples and audits
  double budget = 0;        // no key: time in seconds that grid and images were fitted to (landscape/cost.h); 0: none
  std::string budget_grid;  // no key: the requested grid, which the fitted one is no finer than

  MapMode mode() const {
    return !tolerance.empty()                 ? MapMode::kAdaptive
           : images > 0 || standard_error > 0 ? MapMode::kSampled
                                              : MapMode::kExact;
  }
};
LandscapeConfig read_landscape_config(ConfigReader reader);
nlohmann::json to_json(const LandscapeConfig& config);
// Replaces the precision "auto" by the fastest one that the map audits: float16 on a GPU; bf16 on a processor that
// multiplies it faster than float32; else, or with bn "batch", float32. Throws usage Error for float16 on a CPU.
LandscapeConfig resolve_precision(const LandscapeConfig& config, c10::Device device);

// Selects the splits named. Throws usage Error for names other than "train" and "test", or if there are none.
void set_splits(LandscapeConfig& config, const std::vector<std::string>& splits);

}  // namespace thalweg
