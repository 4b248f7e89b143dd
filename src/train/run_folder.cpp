#include "train/run_folder.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "base/error.h"
#include "io/atomic_file.h"
#include "io/config_reader.h"
#include "io/strict_json.h"
#include "train/checkpoint.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

// A digest of the state that a branch starts from: another main path makes another branch.
std::string fork_digest(const RunSpec& spec, const Graph& graph) {
  const TrainState state = read_checkpoint(spec.fork, graph).state;
  return sha256_of_tensors({state.weights, state.momentum, state.buffers});
}

// Removes the settings that may change on a resume: what the run keeps, how often it reports, when it has diverged.
nlohmann::json without_bookkeeping(nlohmann::json identity) {
  for (const char* key : {"checkpoint_every", "keep_last", "log_every", "divergence_factor"}) {
    if (identity.contains("train")) identity["train"].erase(key);
  }
  return identity;
}

// Appends each run's averaged path after it, which is a run too.
std::vector<fs::path> with_averages(const std::vector<fs::path>& runs) {
  std::vector<fs::path> out;
  for (const fs::path& run : runs) {
    out.push_back(run);
    if (const RunFolder average = RunFolder{run}.average(); average.holds_run()) out.push_back(average.path);
  }
  return out;
}

}  // namespace

nlohmann::json run_identity(const RunSpec& spec, const Graph& graph) {
  nlohmann::json identity = {{"name", spec.name},
                             {"seed", spec.seed},
                             {"first_step", spec.first_step},
                             {"train", to_json(spec.train)},
                             {"description", spec.description}};
  if (spec.end_step) identity["end_step"] = *spec.end_step;
  if (!spec.fork.empty()) identity["fork"] = fork_digest(spec, graph);
  return identity;
}

void check_run_folder(const fs::path& folder, const nlohmann::json& identity) {
  if (!RunFolder{folder}.holds_run()) {
    check(checkpoint_steps(folder).empty(),
          "{} holds checkpoints but no run.json, which would say what run they belong to; choose another --out, or "
          "remove the folder to train again",
          folder.string());
    check(!fs::exists(ExperimentFolder{folder}.main_run().path), "{} holds an experiment; choose another --out",
          folder.string());
    return;
  }
  nlohmann::json there = without_bookkeeping(resolve_key(
      read_run_identity(folder), "train", [](const auto& reader) { return to_json(read_train_config(reader)); }));
  if (!identity.contains("fork")) there.erase("fork");
  const nlohmann::json here = without_bookkeeping(identity);
  if (there == here) return;
  fail("{} holds a run with another configuration ({}); choose another --out, or remove the folder to train again",
       folder.string(), first_difference(there, here));
}

void claim_run_folder(const fs::path& folder, const nlohmann::json& identity) {
  check_run_folder(folder, identity);
  const RunFolder run{folder};
  for (const fs::path& own : {run.identity(), run.status(), run.weights(), run.measures(), folder / "metrics.csv"})
    remove_temporaries_of(own);
  if (!run.holds_run() || read_run_identity(folder) != identity)
    write_file_atomically(run.identity(), identity.dump(2) + "\n");
}

nlohmann::json read_run_identity(const fs::path& folder) {
  const fs::path file = RunFolder{folder}.identity();
  nlohmann::json identity = read_json_file(file.string(), ExitCode::kFailure);
  const auto has = [&](const char* key, const auto& is_right) {
    return identity.is_object() && identity.contains(key) && is_right(identity.at(key));
  };
  check(has("name", [](const auto& value) { return value.is_string(); }) &&
            has("seed", [](const auto& value) { return value.is_number_unsigned(); }) &&
            has("first_step", [](const auto& value) { return value.is_number_integer(); }) &&
            has("description", [](const auto& value) { return value.is_object(); }) &&
            (!identity.contains("train") || identity.at("train").is_object()),
        "{} is damaged: it does not describe a run; restore it, or remove the run's folder to train it again",
        file.string());
  return identity;
}

const char* to_string(RunState state) {
  switch (state) {
    case RunState::kRunning:
      return "running";
    case RunState::kInterrupted:
      return "interrupted";
    case RunState::kFailed:
      return "failed";
    case RunState::kDone:
      return "done";
  }
  return "";
}

void write_run_status(const fs::path& folder, const nlohmann::json& status) {
  write_file_atomically(RunFolder{folder}.status(), status.dump(2) + "\n");
}

nlohmann::json read_run_status(const fs::path& folder) {
  const fs::path file = RunFolder{folder}.status();
  if (!fs::exists(file)) return {};
  nlohmann::json status = read_json_file(file.string(), ExitCode::kFailure);
  const auto has = [&](const char* key, nlohmann::json::value_t type) {
    return status.is_object() && status.contains(key) && status.at(key).type() == type;
  };
  check(has("state", nlohmann::json::value_t::string) &&
            (!is_done(status) || has("final", nlohmann::json::value_t::object)),
        "{} is damaged; remove it, and the run continues from its last checkpoint", file.string());
  return status;
}

bool is_done(const nlohmann::json& status) {
  return !status.is_null() && status.at("state") == to_string(RunState::kDone);
}

void write_final_weights(const fs::path& folder, const RunSpec& spec, const Graph& graph, const FinalWeights& end) {
  nlohmann::json description = spec.description;
  description["run"] = end.run;
  description["step"] = end.step;
  description["epoch"] = end.epoch;
  description["final"] = end.metrics;
  description["provenance"] = spec.provenance;
  write_weights(RunFolder{folder}.weights(), graph, end.weights, end.step, description);
}

bool has_final_weights(const fs::path& folder, bool averages) {
  if (!fs::exists(RunFolder{folder}.weights())) return false;
  if (!averages) return true;
  const RunFolder average = RunFolder{folder}.average();
  const nlohmann::json status = read_run_status(average.path);
  if (!is_done(status)) return false;
  const bool never_began = status.at("final").empty();
  return never_began || fs::exists(average.weights());
}

std::vector<fs::path> find_runs(const fs::path& folder) {
  if (RunFolder{folder}.holds_run()) return with_averages({folder});
  const ExperimentFolder experiment{folder};
  std::vector<fs::path> runs;
  // If an experiment names several seeds, runs in the folder itself are left over from a single seed: not part of it.
  if (const std::vector<fs::path> seeds = seed_folders(folder); !seeds.empty()) {
    for (const fs::path& seed : seeds) {
      if (!ExperimentFolder{seed}.main_run().holds_run()) continue;  // not started
      for (fs::path& run : find_runs(seed)) runs.push_back(std::move(run));
    }
    check(!runs.empty(), "{}: none of its seeds has a run yet", folder.string());
    return runs;
  }
  check(experiment.main_run().holds_run(), "{} is neither a run (no run.json) nor an experiment (no main/run.json)",
        folder.string());
  runs.push_back(experiment.main_run().path);
  if (fs::is_directory(experiment.branches())) {
    for (const auto& entry : fs::directory_iterator(experiment.branches())) {
      if (RunFolder{entry.path()}.holds_run()) runs.push_back(entry.path());
    }
    // In the order in which they fork from the main path.
    std::sort(runs.begin() + 1, runs.end(), [](const fs::path& a, const fs::path& b) {
      const auto key = [](const fs::path& run) {
        return std::pair(read_run_identity(run).at("first_step").get<std::int64_t>(), run);
      };
      return key(a) < key(b);
    });
  }
  return with_averages(runs);
}

fs::path final_weights_of(const fs::path& folder) {
  if (!RunFolder{folder}.holds_run()) {
    if (const auto seeds = seed_folders(folder); !seeds.empty())
      fail_usage("{} has several seeds: name the folder of one of them, like {}", folder.string(),
                 seeds.front().string());
  }
  const fs::path file = RunFolder{find_runs(folder).front()}.weights();
  check(fs::exists(file),
        "{} has no final weights yet; let the run finish, or name a checkpoint file, or, for a plane, a snapshot as "
        "RUN@STEP",
        folder.string());
  return file;
}

}  // namespace thalweg
