// What a configuration becomes before anything runs: data in memory, the network's graph, a device; and the runs that
// the main path and the branches are.
#pragma once

#include <filesystem>

#include <c10/core/Device.h>

#include "base/progress.h"
#include "experiment/config.h"
#include "experiment/side_by_side.h"
#include "landscape/map.h"
#include "train/run.h"

namespace thalweg {

// The main path stopped early, before a branch's fork.
class NoFork : public Error {
 public:
  using Error::Error;
};

struct Session {
  ExperimentConfig config;
  c10::Device device;
  DataSet data;
  Graph graph;
  ProgressMode progress = ProgressMode::kAuto;

  RunContext run_context() const { return {graph, data, device, progress}; }
  MapContext map_context() const { return {graph, data, device, progress}; }
  // How many runs train at once, and with how many CPU threads: as many whether others train or not, since the bits on
  // a CPU depend on it.
  RunLanes lanes() const;
  RunSpec main_spec() const;
  // What a branch is, but for the state that it starts from.
  RunSpec unforked_spec(const BranchConfig& branch) const;
  // `main_folder` holds the main path's run, with a checkpoint at the fork. Without one throws NoFork or another Error.
  RunSpec branch_spec(const BranchConfig& branch, const std::filesystem::path& main_folder) const;
  // Updates of the main path before epoch `epoch`.
  std::int64_t step_at(double epoch) const;
};

// Model, data and normalisation, by what they are: where the data lay on this machine is not part of it.
nlohmann::json describe_experiment(const ExperimentConfig& config, const DataSet& data);

// Sets the number of threads, picks the device, loads the data.
Session open_session(const ExperimentConfig& config, ProgressMode progress);

// {"version", "commit", "device", "processor", "threads"}: what made a file.
nlohmann::json make_provenance(c10::Device device);

}  // namespace thalweg
