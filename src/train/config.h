// The "train" object of a configuration.
//
//   {"epochs": 30, "batch": 128, "precision": "float32", "label_smoothing": 0,
//    "schedule": {...train/schedule.h...},
//    "optimizer": {"momentum": 0.9, "nesterov": false, "weight_decay": 5e-4, "decay_norm_and_bias": true},
//    "augment": {"crop": 4, "flip": true, "cutout": 0},
//    "snapshots": {...trajectory/snapshot_rule.h...},
//    "evaluate_every": 1, "checkpoint_every": 1, "log_every": 50}
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "io/config_reader.h"
#include "kernels/augment.h"

namespace thalweg {

struct OptimizerConfig {
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 5e-4;
  bool decay_norm_and_bias = true;  // false: norms and biases are exempt from weight decay
};

struct TrainConfig {
  double epochs = 10;  // may be a fraction
  std::int64_t batch = 128;
  bool bf16 = false;  // "precision": "bf16": forward and backward under autocast; weights stay float32
  double label_smoothing = 0;
  OptimizerConfig optimizer;
  AugmentSpec augment;
  nlohmann::json schedule = {{"kind", "constant"}, {"lr", 0.1}};
  nlohmann::json snapshots = nlohmann::json::object();
  std::int64_t evaluate_every = 1;  // epochs between evaluations on the test split; 0: at the end only
  double checkpoint_every = 1;      // epochs between checkpoints
  std::int64_t log_every = 50;      // steps between "step" lines of metrics.jsonl; 0: none
};

TrainConfig read_train_config(ConfigReader reader);
nlohmann::json to_json(const TrainConfig& config);

}  // namespace thalweg
