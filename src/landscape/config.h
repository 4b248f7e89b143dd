// The "landscape" object of a configuration, and the flags of `thalweg landscape`.
//
//   {"grid": "25x25", "range": "x0:x1,y0:y1" or "", "margin": 0.2, "splits": ["train", "test"],
//    "bn": "recompute", "bn_images": 1000, "train_images": 0, "test_images": 0}
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "io/config_reader.h"

namespace thalweg {

// What batch norm's statistics are at a point of the plane.
enum class BnMode {
  kRecompute,  // those of the first bn_images training images, in one batch, at that point
  kOrigin,     // the plane's buffers, the same everywhere (what older tools do)
  kBatch       // of each batch of bn_images evaluated images
};
const char* to_string(BnMode mode);

struct LandscapeConfig {
  std::string grid = "25x25";
  std::string range;    // empty: fitted to the path
  double margin = 0.2;  // of the fit
  bool train = true;
  bool test = true;
  BnMode bn = BnMode::kRecompute;
  std::int64_t bn_images = 1000;
  std::int64_t train_images = 0;  // the first N of the split; 0: all
  std::int64_t test_images = 0;
};
LandscapeConfig read_landscape_config(ConfigReader reader);
nlohmann::json to_json(const LandscapeConfig& config);

// "train,test" -> both; usage Error for anything else than train and test.
void set_splits(LandscapeConfig& config, const std::vector<std::string>& splits);

}  // namespace thalweg
