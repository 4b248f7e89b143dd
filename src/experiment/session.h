// What a configuration is turned into before anything runs: data in memory, the network's graph, a device, and the
// specifications of the main path and the branches.
#pragma once

#include <cstdint>
#include <filesystem>

#include <c10/core/Device.h>

#include "base/progress.h"
#include "experiment/config.h"
#include "experiment/side_by_side.h"
#include "landscape/map.h"
#include "train/run.h"

namespace thalweg {

// Thrown if the main path stopped early, before a branch's fork.
class NoFork : public Error {
 public:
  using Error::Error;
};

struct Session {
  ExperimentConfig config;
  c10::Device device;
  // How many runs train concurrently, and the CPU threads of each. The thread count is the same whether or not other
  // runs train, because results on a CPU depend on it to the bit.
  RunLanes lanes;
  DataSet data;
  Graph graph;
  ProgressMode progress = ProgressMode::kAuto;

  RunContext run_context() const { return {graph, data, device, progress}; }
  MapContext map_context() const { return {graph, data, device, progress}; }
  RunSpec main_spec() const;
  // The specification of a branch without the state that it starts from.
  RunSpec unforked_spec(const BranchConfig& branch) const;
  // `main_folder` holds the main path's run. If it has no checkpoint at the fork, throws NoFork or another Error.
  RunSpec branch_spec(const BranchConfig& branch, const std::filesystem::path& main_folder) const;
  // The number of updates of the main path before epoch `epoch`.
  std::int64_t step_at(double epoch) const;
};

// Describes model, data and normalisation by their content, without the data's location on this machine.
nlohmann::json describe_experiment(const ExperimentConfig& config, const DataSet& data);

// Sets the number of threads, picks the device, loads the data.
Session open_session(const ExperimentConfig& config, ProgressMode progress);

// Makes the session use the normalisation stored in `description`, of weights or a plane in `file`, if there is one.
// Throws usage Error if the configuration names another.
void use_stored_normalisation(Session& session, const nlohmann::json& description, const std::string& file);

// {"version", "commit", "device", "processor", "threads"}: the program and machine that made a file.
nlohmann::json make_provenance(c10::Device device);

}  // namespace thalweg
