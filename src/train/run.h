// One training run: a main path, or a branch that forks from a checkpoint of another run. Its folder:
//   run.json, status.json  train/run_folder.h
//   metrics.jsonl and files made from it: train/recorder.h
//   conv_plans.json        train/run_conv_plans.h, on a GPU
//   checkpoints/           train/checkpoint_folder.h
//   trajectory/            trajectory/store.h
//   profile.json           train/profiler.h, on request
//   weights.safetensors    final weights, nn/weights_file.h
// A run that was interrupted at any point (signal, kill, power failure) and is started again with the same spec resumes
// from its last checkpoint and ends with the same bits.
#pragma once

#include <cstdint>
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
  std::string title = {};          // for progress and errors; empty: the run's name
  std::int64_t profile_steps = 0;  // steps of this process to write to profile.json (train/profiler.h); 0: none
};

// Thrown when the loss is no longer finite or far above guessing; names the step, the rate and the last good
// checkpoint.
class Diverged : public Error {
 public:
  using Error::Error;
};

// Trains to the end, or returns at once if the run is done. Returns status.json's "final". Throws Stopped after a
// signal (everything is saved), Diverged, or Error if the folder holds another run.
nlohmann::json train_run(const RunSpec& spec, const RunContext& context, const std::filesystem::path& folder);

}  // namespace thalweg
