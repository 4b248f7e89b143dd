#include "experiment/session.h"

#include <algorithm>
#include <cmath>

#include <ATen/Parallel.h>

#include "base/device.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/stream.h"
#include "io/json_member.h"
#include "thalweg/version.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/run_folder.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

DataSet load_within_memory(const DataConfig& config) {
  try {
    return load_data(config);
  } catch (const std::exception& error) {
    if (!is_out_of_memory(error)) throw;
    fail(
        "out of memory while loading the data ({}): use fewer images (data.train_images, data.test_images) or a "
        "smaller data.pad_to",
        first_line(error.what()));
  }
}

}  // namespace

Session open_session(const ExperimentConfig& config, ProgressMode progress) {
  set_num_threads(config.threads);
  const c10::Device device = parse_device(config.device);
  const RunLanes lanes = run_lanes(config.parallel_runs, device);
  ExperimentConfig resolved = config;
  resolved.landscape = resolve_precision(config.landscape, device);
  use_device(device, config.train.deterministic);
  DataSet data = load_within_memory(config.data);
  const at::IntArrayRef shape = data.train.images.sizes();
  Graph graph = build_model(config.model, {shape[1], shape[2], shape[3]}, data.num_classes());
  return {resolved, device, lanes, std::move(data), std::move(graph), progress};
}

void use_stored_normalisation(Session& session, const nlohmann::json& description, const std::string& file) {
  if (!description.contains("normalisation")) return;
  const auto stored = description.at("normalisation").get<Normalisation>();
  if (session.config.data.normalisation && *session.config.data.normalisation != stored)
    fail_usage("data.normalisation: {} was made with another one, which it needs; leave the key out", file);
  session.data.normalisation = stored;
}

nlohmann::json make_provenance(c10::Device device) {
  return {{"version", kVersion},
          {"commit", kCommit},
          {"device", device.str()},
          {"processor", device_description(device)},
          {"threads", at::get_num_threads()}};
}

std::int64_t Session::step_at(double epoch) const {
  return std::llround(epoch * static_cast<double>(steps_per_epoch(data.train.size(), config.train.batch)));
}

nlohmann::json describe_experiment(const ExperimentConfig& config, const DataSet& data) {
  nlohmann::json set = to_json(config.data);
  set.erase("path");
  return {{"model", to_json(config.model)},
          {"data", set},
          {"image", data.train.images.sizes().slice(1).vec()},
          {"data_digest", data.digest},
          {"normalisation", data.normalisation},
          {"classes", data.class_names}};
}

RunSpec Session::main_spec() const {
  RunSpec spec;
  spec.name = kMainRun;
  spec.train = config.train;
  spec.seed = config.seed;
  for (const BranchConfig& branch : config.branches) spec.keep.push_back(step_at(branch.at_epoch));
  spec.description = describe_experiment(config, data);
  spec.provenance = make_provenance(device);
  spec.provenance["threads"] = lanes.threads;
  spec.provenance["data_path"] = config.data.path;
  return spec;
}

RunSpec Session::unforked_spec(const BranchConfig& branch) const {
  RunSpec spec = main_spec();
  spec.keep.clear();
  spec.name = branch.name;
  spec.train.schedule = branch.schedule;
  if (!branch.snapshots.is_null()) spec.train.snapshots = branch.snapshots;
  spec.first_step = step_at(branch.at_epoch);
  // Branches that end at the same epoch end at the same step, even if rounding fork and length separately would give
  // the step before or after it.
  spec.train.epochs = branch.epochs;
  const std::int64_t end = step_at(branch.at_epoch + branch.epochs);
  if (end != spec.first_step + step_at(branch.epochs)) spec.end_step = end;
  return spec;
}

RunSpec Session::branch_spec(const BranchConfig& branch, const std::filesystem::path& main_folder) const {
  RunSpec spec = unforked_spec(branch);
  spec.fork = checkpoint_path(main_folder, spec.first_step);
  if (std::filesystem::exists(spec.fork)) return spec;
  const nlohmann::json status = read_run_status(main_folder);
  const bool stopped_before = member(status, "stopped_early").is_object() && status.at("step") < spec.first_step;
  const std::string missing =
      fmt::format("{} holds no checkpoint at epoch {:g}, where the branch '{}' forks: ", main_folder.string(),
                  branch.at_epoch, branch.name);
  if (stopped_before)
    throw NoFork(
        missing +
        "the run stopped early. Fork before that, or increase train.early_stop.patience, or choose another --out");
  fail(
      "{}the run was trained before the branch was configured. Remove that folder to train it again, or choose another "
      "--out",
      missing);
}

}  // namespace thalweg
