// One training run: a main path, or a branch that forks from a checkpoint of another run. Its folder:
//   run.json              what the run is (must be equal for it to go on)
//   status.json           {"state": "running|interrupted|failed|done", "step", "final": {...}, "provenance": {...},
//   ...} metrics.jsonl         train/metrics.h checkpoints/          the latest one, and those at RunSpec::keep
//   trajectory/           trajectory/store.h
//   weights.safetensors   final weights, nn/weights_file.h
// Interrupted anywhere (signal, kill, power) and started again with the same spec it goes on from the last checkpoint
// and ends in the same bits.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <c10/core/Device.h>

#include "base/progress.h"
#include "data/dataset.h"
#include "nn/graph.h"
#include "train/config.h"

namespace thalweg {

struct RunSpec {
  std::string name = "main";
  TrainConfig train;
  std::uint64_t seed = 0;
  std::int64_t first_step = 0;     // 0, or the fork
  std::filesystem::path fork;      // checkpoint of first_step; empty: initial weights
  std::vector<std::int64_t> keep;  // steps whose checkpoints stay for branches to fork from
  nlohmann::json description;      // model, data, normalisation: written beside the weights
  nlohmann::json provenance;       // version, commit, device, threads
};

struct RunContext {
  const Graph& graph;
  const DataSet& data;
  c10::Device device;
  ProgressMode progress = ProgressMode::kAuto;
};

// Number of the run's last update.
std::int64_t run_end_step(const RunSpec& spec, std::int64_t num_train_images);

// Trains to the end, or returns at once if the run is done. Throws Stopped after a signal (everything saved), Error
// when the loss is no longer finite (naming step, rate and last good checkpoint) or when the folder holds another run.
// Returns status.json's "final".
nlohmann::json train_run(const RunSpec& spec, const RunContext& context, const std::filesystem::path& folder);

// status.json of a run's folder; null if there is none. Throws Error naming the file if it is damaged.
nlohmann::json read_run_status(const std::filesystem::path& folder);
// run.json: {"name", "seed", "first_step", "train", "description", "fork"?}. Throws Error naming the file likewise.
nlohmann::json read_run_identity(const std::filesystem::path& folder);

}  // namespace thalweg
