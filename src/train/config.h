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

#include <cstdint>
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
  double beta1 = 0.9;     // beta1, beta2 and eps: adamw
  double beta2 = 0.999;
  double eps = 1e-8;
  bool nesterov = false;
  double weight_decay = 5e-4;
  bool decay_norm_and_bias = true;  // false: norms and biases are exempt from weight decay
  double clip_norm = 0;             // largest norm of the gradient; 0: unlimited
  double sam_rho = 0;               // sharpness-aware minimisation: distance at which the gradient is taken; 0: off
};

enum class AverageKind {
  kNone,
  kEma,  // over every step
  kSwa   // over the ends of epochs
};

// Averaged weights, kept beside the trained ones (train/optimizer.h).
struct AverageConfig {
  AverageKind kind = AverageKind::kNone;
  double decay = 0.999;    // of ema, per step
  double start_epoch = 0;  // no average before this epoch

  // Pure. Whether the average includes the weights at `epoch`, counted from the start of the main path.
  bool due(double epoch) const;
};

struct TrainConfig {
  double epochs = 10;  // may be a fraction
  std::int64_t batch = 128;
  bool bf16 = false;  // "precision": "bf16": activations are bfloat16; weights stay float32
  double label_smoothing = 0;
  OptimizerConfig optimizer;
  AverageConfig average;
  std::int64_t accumulate = 1;   // slices per batch, to save memory; each slice has its own batch statistics
  double mixup = 0;              // alpha of mixup (kernels/augment.h); 0: off
  bool step_statistics = false;  // "step" lines also hold statistics of the gradient (train/step.h)
  bool deterministic = true;     // false: on a GPU, allows faster algorithms whose sums have no fixed order
  bool conv_plans = true;        // on a GPU, convolutions use plans (kernels/conv_plan.h); false: LibTorch
  bool cuda_graph = true;        // on a GPU, a step is one CUDA graph; the bits are the same either way
  AugmentSpec augment;
  nlohmann::json schedule = {{"kind", "constant"}, {"lr", 0.1}};
  nlohmann::json snapshots = nlohmann::json::object();
  Cadence evaluate_every;       // between evaluations on the test and validation splits; never: only at the end
  Cadence checkpoint_every;     // between checkpoints
  std::int64_t log_every = 50;  // steps between "step" lines of metrics.jsonl; 0: none
  std::int64_t keep_last = 1;   // number of latest checkpoints to keep
  std::string keep_best;        // metric whose best checkpoint is kept too; empty: none
  EarlyStop early_stop;
  double divergence_factor = 1e4;  // a loss above this multiple of guessing's ends the run; 0: only NaN and inf do
};

TrainConfig read_train_config(ConfigReader reader);
// Fills in every default. Throws a usage Error like the next two functions.
nlohmann::json to_json(const TrainConfig& config);

// Returns the schedule or snapshot rule with every default filled in, independent of the data set's size; `epochs` is
// the length of the run. Throws a usage Error that names `path` + key.
nlohmann::json resolve_schedule(const nlohmann::json& schedule, const std::string& path, double epochs);
nlohmann::json resolve_snapshots(const nlohmann::json& snapshots, const std::string& path);

}  // namespace thalweg
