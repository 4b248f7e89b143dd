// Which runs a folder holds, and the files of a run's folder that speak of the run as a whole:
//   run.json             what the run is: {"name", "seed", "first_step", "train", "description", "fork"?}; must be
//                        equal for it to go on
//   status.json          where it is: {"state": "running|interrupted|failed|done", "step", "end_step", "final"?, ...}
//   weights.safetensors  what it ended with (nn/weights_file.h)
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

// What run.json holds. For a branch it reads the fork's checkpoint: other bits there make another branch.
nlohmann::json run_identity(const RunSpec& spec, const Graph& graph);
// Throws Error if the folder is another run's: naming the first key that differs from its run.json, or because there is
// none beside checkpoints or an experiment's main path. A fork that `identity` leaves out is not compared.
void check_run_folder(const std::filesystem::path& folder, const nlohmann::json& identity);
// The same; writes run.json where there is none, and removes what a killed process left half written.
void claim_run_folder(const std::filesystem::path& folder, const nlohmann::json& identity);
// Throws Error naming the file if it is damaged.
nlohmann::json read_run_identity(const std::filesystem::path& folder);

enum class RunState { kRunning, kInterrupted, kFailed, kDone };
const char* to_string(RunState state);  // as in status.json

void write_run_status(const std::filesystem::path& folder, const nlohmann::json& status);
// null if there is none. Throws Error naming the file if it is damaged.
nlohmann::json read_run_status(const std::filesystem::path& folder);
// Whether this is the status of a run that is done.
bool is_done(const nlohmann::json& status);

struct FinalWeights {
  std::string run;  // its name
  std::int64_t step = 0;
  double epoch = 0;
  Weights weights;
  nlohmann::json metrics;  // {"train_loss", ...} of them
};
// Writes weights.safetensors; its metadata are the spec's description with all of this and the provenance.
void write_final_weights(const std::filesystem::path& folder, const RunSpec& spec, const Graph& graph,
                         const FinalWeights& end);
// Whether a run that is done, and its average where it has one that began, still have the weights that they ended with.
bool has_final_weights(const std::filesystem::path& folder, bool averages);

// Folders of the runs in `folder`: itself, or main and the branches of an experiment, main first, seed by seed.
std::vector<std::filesystem::path> find_runs(const std::filesystem::path& folder);

// The file of the final weights of the first of them. Error if the run has none yet.
std::filesystem::path final_weights_of(const std::filesystem::path& folder);

}  // namespace thalweg
