// Finds the runs in a folder, and handles the files in a run's folder that describe the run as a whole:
//   run.json             what the run is: {"name", "seed", "first_step", "train", "description", "fork"?}; must be
//                        equal for the run to resume
//   status.json          its progress: {"state": "running|interrupted|failed|done", "step", "end_step", "final"?, ...}
//   weights.safetensors  its final weights (nn/weights_file.h)
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "nn/graph.h"
#include "nn/weights_file.h"
#include "train/run_spec.h"

namespace thalweg {

// Returns the content of run.json. For a branch, reads the fork's checkpoint: a fork with other bits makes another
// branch.
nlohmann::json run_identity(const RunSpec& spec, const Graph& graph);
// Throws Error if the folder belongs to another run: names the first key that differs from its run.json, or reports
// that there are checkpoints or an experiment's main path without a run.json. A fork missing from `identity` is not
// compared.
void check_run_folder(const std::filesystem::path& folder, const nlohmann::json& identity);
// Does the same, then writes run.json if it is absent or differs, and removes half-written files of a killed process.
void claim_run_folder(const std::filesystem::path& folder, const nlohmann::json& identity);
// Throws Error naming the file if it is damaged.
nlohmann::json read_run_identity(const std::filesystem::path& folder);

enum class RunState { kRunning, kInterrupted, kFailed, kDone };
const char* to_string(RunState state);  // as in status.json

void write_run_status(const std::filesystem::path& folder, const nlohmann::json& status);
// Returns null if there is none. Throws Error naming the file if it is damaged.
nlohmann::json read_run_status(const std::filesystem::path& folder);
// Whether this is the status of a finished run.
bool is_done(const nlohmann::json& status);

struct FinalWeights {
  std::string run;  // its name
  std::int64_t step = 0;
  double epoch = 0;
  Weights weights;
  nlohmann::json metrics;  // {"train_loss", ...} of these weights
};
// Writes weights.safetensors; its metadata hold the spec's description, the members of `end` and the provenance.
void write_final_weights(const std::filesystem::path& folder, const RunSpec& spec, const Graph& graph,
                         const FinalWeights& end);
// Whether a finished run, and its average if one was begun, still have their final weights.
bool has_final_weights(const std::filesystem::path& folder, bool averages);

// Returns the folders of the runs in `folder`: itself, or an experiment's main path and branches, main first, seed by
// seed.
std::vector<std::filesystem::path> find_runs(const std::filesystem::path& folder);

// Returns the file of the first run's final weights. Throws Error if the run has none yet.
std::filesystem::path final_weights_of(const std::filesystem::path& folder);

}  // namespace thalweg
