// The configuration of an experiment; `thalweg train` reads the same file and uses its main path.
//
//   {"name": "demo", "seed": 1, "seeds": [], "parallel_runs": 0, "device": "auto", "threads": 0,
//    "data": {...data/dataset.h...}, "model": {...models/models.h...}, "train": {...train/config.h...},
//    "branches": [{"at_epoch": 5, "until_epoch": 15, "schedule": {...}, "name": "decay-at-5"}],
//    "measures": {"sharpness_images": 500, "line_points": 11}, "landscape": {...landscape/config.h...},
//    "plane": {"kind": "pca", "origin": "mean", "windows": 0, "shared": false}}
//
// A branch forks from the main path's exact state at `at_epoch` (a number, or a list that makes one branch per entry)
// and trains for `epochs` more, or until `until_epoch` counted from the start of the main path. Its schedule counts
// from the fork. Its other settings are the main path's, except for "snapshots" if the branch gives its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "landscape/config.h"
#include "models/models.h"
#include "train/config.h"
#include "trajectory/build_plane.h"

namespace thalweg {

struct BranchConfig {
  std::string name;  // default: "decay-at-<at_epoch>"; letters, digits, '.', '_', '-'
  double at_epoch = 0;
  double epochs = 0;
  nlohmann::json schedule;
  nlohmann::json snapshots;
};

struct PlaneConfig {
  PlaneKind kind = PlaneKind::kPca;         // or kRandom
  PlaneOrigin origin = PlaneOrigin::kMean;  // for kPca
  int windows = 0;      // for kPca: number (2 or more) of extra planes along the main path (trajectory/window_planes.h)
  bool shared = false;  // for kPca with seeds: also make one plane from the runs of all seeds
};

// What is measured on the final weights of each run (experiment/measures.h) and between those of different branches.
struct MeasuresConfig {
  std::int64_t sharpness_images = 500;  // how many of the first training images; 0: no sharpness
  int line_points = 11;  // per straight line between the ends of branches (experiment/lines.h); 0: no lines
};

struct ExperimentConfig {
  std::string name = "experiment";
  std::uint64_t seed = 0;
  std::vector<std::uint64_t> seeds;  // the experiment runs once per seed, `seed` is ignored; empty: only `seed`
  int parallel_runs = 0;             // runs trained concurrently; 0: 4 on a GPU, 1 on a CPU
  std::string device = "auto";
  int threads = 0;  // 0: LibTorch's default (OMP_NUM_THREADS, or one per core)
  DataConfig data;
  ModelConfig model;
  TrainConfig train;
  std::vector<BranchConfig> branches;
  MeasuresConfig measures;
  PlaneConfig plane;
  LandscapeConfig landscape;
};

// What happens to branches that fork after the end of the main path: an error, or (when only the main path is trained)
// they are dropped.
enum class ForksBehindTheEnd { kRefused, kDropped };
// Strict: throws a usage Error naming the key for anything unknown or invalid. Also checks schedules and snapshot
// rules.
ExperimentConfig read_experiment_config(const nlohmann::json& json,
                                        ForksBehindTheEnd behind = ForksBehindTheEnd::kRefused);
// Returns the configuration with every default filled in; reading the result gives the same configuration.
nlohmann::json to_json(const ExperimentConfig& config);

}  // namespace thalweg
