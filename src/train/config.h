// The "train" object of a configuration.
//
//   {"epochs": 30, "batch": 128, "precision": "float32", "deterministic": true, "conv_plans": true, "cuda_graph": true,
//    "label_smoothing": 0, "accumulate": 1, "mixup": 0, "step_statistics": false,
//    "schedule": {...train/schedule.h...},
//    "optimizer": {"kind": "sgd", "momentum": 0.9, "nesterov": false, "weight_decay": 5e-4,
//                  "decay_norm_and_bias": true, "clip_norm": 0, "sam_rho": 0},
//    "average": {"kind": "ema", "decay": 0.999, "start_epoch": 0},
//    "augment": {"crop": 4, "flip": true, "cutout": 0},
//    "snapshots": {...trajectory/snapshot_rule.h...},
//    "evaluate_every": 1, "checkpoint_every": {"minutes": 10}, "log_every": 50,      intervals: train/cadence.h
//    "keep_last": 1, "keep_best": "test_loss", "early_stop": {...train/early_stop.h...}, "divergence_factor": 1e4}
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "io/config_reader.h"
#include "kernels/augment.h"
#include "kernels/optimizer.h"
#include "train/cadence.h"
#include "train/early_stop.h"

namespace thalweg {

struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::kSgd;
  double momentum = 0.9;  // sgd
  double beta1 = 0.9;     // adamw, as the next two
  double beta2 = 0.999;
  double eps = 1e-8;
  bool nesterov = false;
  double weight_decay = 5e-4;
  bool decay_norm_and_bias = true;  // false: norms and biases are exempt from weight decay
  double clip_norm = 0;             // largest norm of the gradient; 0: any
  double sam_rho = 0;               // sharpness-aware minimisation: how far away the gradient is taken; 0: off
};

enum class AverageKind {
  kNone,
  kEma,  // of every step
  kSwa   // of the ends of epochs
};

// Averaged weights, kept beside the trained ones (train/optimizer.h).
struct AverageConfig {
  AverageKind kind = AverageKind::kNone;
  double decay = 0.999;    // of ema, each step
  double start_epoch = 0;  // before it there is no average

  // Pure. Whether the average takes the weights of `epoch`, counted from the start of the main path.
  bool due(double epoch) const;
};

struct TrainConfig {
  double epochs = 10;  // may be a fraction
  std::int64_t batch = 128;
  bool bf16 = false;  // "precision": "bf16": activations are bfloat16; weights stay float32
  double label_smoothing = 0;
  OptimizerConfig optimizer;
  AverageConfig average;
  std::int64_t accumulate = 1;   // slices that a batch is computed in, for memory; each has batch statistics of its own
  double mixup = 0;              // alpha of mixup (kernels/augment.h); 0: off
  bool step_statistics = false;  // "step" lines tell of the gradient too (train/step.h)
  bool deterministic = true;     // on a GPU false allows faster algorithms whose sums have no fixed order
  bool conv_plans = true;        // on a GPU convolutions are run by plans (kernels/conv_plan.h), else by LibTorch
  bool cuda_graph = true;        // on a GPU a step is one CUDA graph; the same bits either way
  AugmentSpec augment;
  nlohmann::json schedule = {{"kind", "constant"}, {"lr", 0.1}};
  nlohmann::json snapshots = nlohmann::json::object();
  Cadence evaluate_every;       // between evaluations on the test split; never: at the end only
  Cadence checkpoint_every;     // between checkpoints
  std::int64_t log_every = 50;  // steps between "step" lines of metrics.jsonl; 0: none
  std::int64_t keep_last = 1;   // so many latest checkpoints stay
  std::string keep_best;        // metric by which the best checkpoint stays too; empty: none
  EarlyStop early_stop;
  double divergence_factor = 1e4;  // a loss beyond so many times that of guessing ends the run; 0: NaN and inf alone
};

TrainConfig read_train_config(ConfigReader reader);
// With every default filled in. Usage Error as from the next two.
nlohmann::json to_json(const TrainConfig& config);

// The rules of a run of so many epochs, whatever its data set's size, with every default filled in. Usage Error naming
// `path` + key.
nlohmann::json resolve_schedule(const nlohmann::json& schedule, const std::string& path, double epochs);
nlohmann::json resolve_snapshots(const nlohmann::json& snapshots, const std::string& path);

}  // namespace thalweg
