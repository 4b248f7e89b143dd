// One training run: a main path, or a branch that forks from a checkpoint of another run. Its folder:
//   run.json, status.json  train/run_folder.h
//   metrics.jsonl and what shows the same: train/recorder.h
//   conv_plans.json        train/run_plans.h, on a GPU
//   checkpoints/           train/checkpoint_folder.h
//   trajectory/            trajectory/store.h
//   profile.json           train/profiler.h, if it was asked for
//   weights.safetensors    final weights, nn/weights_file.h
// Interrupted anywhere (signal, kill, power) and started again with the same spec it goes on from the last checkpoint
// and ends in the same bits.
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include <c10/core/Device.h>

#include "base/error.h"
#include "base/progress.h"
#include "data/dataset.h"
#include "nn/graph.h"
#include "train/run_spec.h"

namespace thalweg {

struct RunContext {
  const Graph& graph;
  const DataSet& data;
  c10::Device device;
  ProgressMode progress = ProgressMode::kAuto;
  std::string title = {};          // in progress and errors; empty: the run's name
  std::int64_t profile_steps = 0;  // so many steps of this process go into profile.json (train/profiler.h); 0: none
};

// The loss is no longer finite, or far beyond guessing; names step, rate and last good checkpoint.
class Diverged : public Error {
 public:
  using Error::Error;
};

// Trains to the end, or returns at once if the run is done. Throws Stopped after a signal (everything saved), Diverged,
// or Error when the folder holds another run. Returns status.json's "final".
nlohmann::json train_run(const RunSpec& spec, const RunContext& context, const std::filesystem::path& folder);

}  // namespace thalweg
