// The configuration of an experiment; `thalweg train` reads the same file and uses its main path.
//
//   {"name": "demo", "seed": 1, "seeds": [], "parallel_runs": 0, "device": "auto", "threads": 0,
//    "data": {...data/dataset.h...}, "model": {...models/models.h...}, "train": {...train/config.h...},
//    "branches": [{"at_epoch": 5, "until_epoch": 15, "schedule": {...}, "name": "decay-at-5"}],
//    "measures": {"sharpness_images": 500, "line_points": 11}, "landscape": {...landscape/config.h...},
//    "plane": {"kind": "pca", "origin": "mean", "windows": 0, "shared": false}}
//
// A branch forks from the main path's exact state at `at_epoch` (a number, or a list for one branch each) and trains
// for `epochs` more, or until `until_epoch` of the whole. Its schedule counts from the fork; its other settings are the
// main path's, with its own "snapshots" where given.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "landscape/config.h"
#include "models/models.h"
#include "train/config.h"

namespace thalweg {

struct BranchConfig {
  std::string name;  // default: "decay-at-<at_epoch>"; letters, digits, '.', '_', '-'
  double at_epoch = 0;
  double epochs = 0;
  nlohmann::json schedule;
  nlohmann::json snapshots;
};

struct PlaneConfig {
  std::string kind = "pca";     // pca, random
  std::string origin = "mean";  // of pca: mean, final, first
  int windows = 0;      // of pca: 2 or more planes along the main path beside the one (trajectory/window_planes.h)
  bool shared = false;  // of pca, with seeds: also one plane of all seeds' runs
};

// What is measured of the runs' final weights, of each (experiment/measures.h) and between them.
struct MeasuresConfig {
  std::int64_t sharpness_images = 500;  // the first training images; 0: no sharpness
  int line_points = 11;  // of each straight line between the ends of branches (experiment/lines.h); 0: none
};

struct ExperimentConfig {
  std::string name = "experiment";
  std::uint64_t seed = 0;
  std::vector<std::uint64_t> seeds;  // the whole experiment for each of them, `seed` set aside; empty: for `seed`
  int parallel_runs = 0;             // runs trained at once; 0: 4 on a GPU, 1 on a CPU
  std::string device = "auto";
  int threads = 0;  // 0: one a core
  DataConfig data;
  ModelConfig model;
  TrainConfig train;
  std::vector<BranchConfig> branches;
  MeasuresConfig measures;
  PlaneConfig plane;
  LandscapeConfig landscape;
};

// Branches that fork behind the main path's end are refused, or dropped where the main path alone is trained.
enum class ForksBehindTheEnd { kRefused, kDropped };
// Strict; usage Error naming the key. Schedules and snapshot rules are checked too.
ExperimentConfig read_experiment_config(const nlohmann::json& json,
                                        ForksBehindTheEnd behind = ForksBehindTheEnd::kRefused);
// With every default filled in; reading it gives the same configuration.
nlohmann::json to_json(const ExperimentConfig& config);

}  // namespace thalweg
