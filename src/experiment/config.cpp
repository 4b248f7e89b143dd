#include "experiment/config.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "trajectory/folders.h"
#include "trajectory/run_name.h"
#include "trajectory/window_planes.h"

namespace thalweg {
namespace {

constexpr double kMostEpochs = 1e6;  // of a branch, as of a main path

const EnumNames<PlaneKind> kPlaneKinds = {{PlaneKind::kPca, "pca"}, {PlaneKind::kRandom, "random"}};

// Lines are in files named after two branches. A file's name has at most 255 characters, with what is appended while it
// is written.
void check_line_names(const ExperimentConfig& config) {
  constexpr std::size_t kMaxName = 100;
  if (config.measures.line_points == 0 || config.branches.size() < 2) return;
  for (const BranchConfig& branch : config.branches) {
    if (branch.name.size() > kMaxName)
      fail_usage("branches: with measures.line_points, a branch's name has at most {} characters; '{}' has {}",
                 kMaxName, branch.name, branch.name.size());
  }
}

void check_branch_name(const std::string& name, const std::string& path) {
  const auto allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
  };
  if (name.empty() || name.front() == '.' || !std::all_of(name.begin(), name.end(), allowed) || name == kMainRun) {
    fail_usage(
        "{}: a branch must have the name of a folder: letters, digits, '.', '_' and '-', no '.' at the start, and not "
        "'main', got '{}'",
        path, name);
  }
  if (const RunName split = split_run_name(name); split.is_average)
    fail_usage("{}: '{}' is reserved for the averaged weights of a run '{}'; choose another name", path, name,
               split.run);
}

std::vector<double> fork_epochs(ConfigReader& reader) {
  if (!reader.has("at_epoch") || !reader.get_json("at_epoch").is_array())
    return {reader.required_double("at_epoch", 0)};
  const std::vector<double> epochs = reader.get_doubles("at_epoch", {});
  if (epochs.empty()) fail_usage("{} is empty: list at least one epoch", reader.full_name("at_epoch"));
  return epochs;
}

// One object may stand for several branches ("at_epoch": [2, 4, 6]).
std::vector<BranchConfig> read_branches(ConfigReader reader, double main_epochs, ForksBehindTheEnd behind) {
  const std::vector<double> forks = fork_epochs(reader);
  const std::string name = reader.get_string("name", "");
  const bool until = reader.has("until_epoch");
  if (until == reader.has("epochs")) {
    fail_usage("{}: give either 'epochs' (from the fork) or 'until_epoch' (from the start of the main path)",
               reader.full_name("epochs"));
  }
  const double length = reader.required_double(until ? "until_epoch" : "epochs", 0, kMostEpochs);
  const nlohmann::json schedule = reader.get_json("schedule");
  if (schedule.is_null())
    fail_usage("{} is missing: a branch needs its own learning-rate schedule", reader.full_name("schedule"));
  const nlohmann::json snapshots = reader.has("snapshots") ? reader.get_json("snapshots") : nullptr;
  std::vector<BranchConfig> out;
  for (const double fork : forks) {
    if (fork > main_epochs && behind == ForksBehindTheEnd::kDropped) continue;
    if (fork < 0 || fork > main_epochs)
      fail_usage("{}: {:g} lies outside the main path's {:g} epochs", reader.full_name("at_epoch"), fork, main_epochs);
    BranchConfig branch;
    branch.name = name.empty()        ? fmt::format("decay-at-{:g}", fork)
                  : forks.size() == 1 ? name
                                      : fmt::format("{}-{:g}", name, fork);
    check_branch_name(branch.name, reader.full_name("name"));
    branch.at_epoch = fork;
    branch.epochs = until ? length - fork : length;
    if (branch.epochs <= 0) {
      fail_usage("{}: the branch at epoch {:g} would have no epochs",
                 reader.full_name(until ? "until_epoch" : "epochs"), fork);
    }
    branch.schedule = schedule;
    branch.snapshots = snapshots;
    out.push_back(branch);
  }
  reader.finish();
  return out;
}

std::vector<std::uint64_t> read_seeds(ConfigReader& reader) {
  std::vector<std::uint64_t> seeds;
  for (const std::int64_t seed : reader.get_ints("seeds", {})) {
    if (seed < 0) fail_usage("seeds must be integers of at least 0, got {}", seed);
    seeds.push_back(static_cast<std::uint64_t>(seed));
    if (std::count(seeds.begin(), seeds.end(), seeds.back()) > 1) fail_usage("seeds: {} is listed twice", seed);
  }
  return seeds;
}

// Resolves both only for their errors: those that are used are resolved once the size of the data set is known.
void check_rules(const nlohmann::json& schedule, const nlohmann::json& snapshots, const std::string& path,
                 double epochs) {
  resolve_schedule(schedule, path + "schedule", epochs);
  resolve_snapshots(snapshots, path + "snapshots");
}

// Whether a run from epoch `first` to `end` adds weights to an average. Approximate, since the number of steps per
// epoch is not known yet and the run ends at a whole step, up to half a step from `end`.
bool begins_average(const AverageConfig& average, double first, double end) {
  constexpr double kRounding = 1e-6;  // rounding error of fork + length
  const double reached = end + kRounding;
  const double last = average.kind == AverageKind::kSwa ? std::floor(reached) : reached;
  return end > first && last > first && average.due(last);
}

// Throws if no run would contribute to the average. Runs that are too short for it are fine as long as one is not.
void check_average(const ExperimentConfig& config) {
  const AverageConfig& average = config.train.average;
  double end = config.train.epochs;
  bool any = average.kind == AverageKind::kNone || begins_average(average, 0, end);
  for (const BranchConfig& branch : config.branches) {
    end = std::max(end, branch.at_epoch + branch.epochs);
    any = any || begins_average(average, branch.at_epoch, branch.at_epoch + branch.epochs);
  }
  if (any) return;
  fail_usage("train.average.start_epoch: no run {} from epoch {:g} on; the last one ends at epoch {:g}",
             average.kind == AverageKind::kSwa ? "completes an epoch" : "takes a step", average.start_epoch, end);
}

}  // namespace

ExperimentConfig read_experiment_config(const nlohmann::json& json, ForksBehindTheEnd behind) {
  ExperimentConfig config;
  if (json.is_object() && json.contains("theory"))
    fail_usage("this is the configuration of a study of the nonlinear model (\"theory\"): run it with thalweg theory");
  ConfigReader reader(json, "");
  config.name = reader.get_string("name", config.name);
  config.seeds = read_seeds(reader);
  const std::uint64_t first = config.seeds.empty() ? 0 : config.seeds.front();
  config.seed = static_cast<std::uint64_t>(reader.get_int("seed", static_cast<std::int64_t>(first), 0));
  config.parallel_runs = static_cast<int>(reader.get_int("parallel_runs", 0, 0, 256));
  config.device = reader.get_string("device", config.device);
  config.threads = static_cast<int>(reader.get_int("threads", 0, 0, 1024));
  config.data = read_data_config(reader.get_object("data"));
  config.model = read_model_config(reader.get_object("model"));
  config.train = read_train_config(reader.get_object("train"));
  check_rules(config.train.schedule, config.train.snapshots, "train.", config.train.epochs);
  if (reader.has("branches")) {
    const nlohmann::json& branches = reader.get_json("branches");
    if (!branches.is_array()) fail_usage("branches must be a list of objects");
    std::set<std::string> names;
    for (std::size_t i = 0; i < branches.size(); ++i) {
      const std::string path = fmt::format("branches.{}", i);
      for (const BranchConfig& branch : read_branches(ConfigReader(branches[i], path), config.train.epochs, behind)) {
        check_rules(branch.schedule, branch.snapshots, path + ".", branch.epochs);
        if (!names.insert(branch.name).second) fail_usage("{}: two branches are named '{}'", path, branch.name);
        config.branches.push_back(branch);
      }
    }
  }
  check_average(config);
  ConfigReader measures = reader.get_object("measures");
  config.measures.sharpness_images = measures.get_int("sharpness_images", config.measures.sharpness_images, 0);
  config.measures.line_points = static_cast<int>(measures.get_int("line_points", config.measures.line_points, 0, 1000));
  if (config.measures.line_points > 0 && config.measures.line_points < 3)
    fail_usage("measures.line_points: expected 0 (no lines) or at least 3 points, both ends included, got {}",
               config.measures.line_points);
  measures.finish();
  check_line_names(config);
  ConfigReader plane = reader.get_object("plane");
  config.plane.kind = plane.get_enum("kind", config.plane.kind, kPlaneKinds);
  config.plane.origin = plane.get_enum("origin", config.plane.origin, plane_origins());
  config.plane.windows = static_cast<int>(plane.get_int("windows", 0, 0, kMaxWindows));
  if (config.plane.windows == 1 || (config.plane.windows > 0 && config.plane.kind != PlaneKind::kPca))
    fail_usage(
        "plane.windows: expected 0 (no windows) or at least 2 windows, along the path of a plane of kind \"pca\"");
  config.plane.shared = plane.get_bool("shared", false);
  if (config.plane.shared && config.plane.kind != PlaneKind::kPca)
    fail_usage("plane.shared: all seeds can share a plane of kind \"pca\", but not one of kind \"{}\"",
               name_of(config.plane.kind, kPlaneKinds));
  plane.finish();
  config.landscape = read_landscape_config(reader.get_object("landscape"));
  reader.finish();
  return config;
}

nlohmann::json to_json(const ExperimentConfig& config) {
  nlohmann::json branches = nlohmann::json::array();
  for (const BranchConfig& branch : config.branches) {
    const std::string path = fmt::format("branch {}: ", branch.name);
    const nlohmann::json& snapshots = branch.snapshots.is_null() ? config.train.snapshots : branch.snapshots;
    branches.push_back({{"name", branch.name},
                        {"at_epoch", branch.at_epoch},
                        {"epochs", branch.epochs},
                        {"schedule", resolve_schedule(branch.schedule, path + "schedule", branch.epochs)},
                        {"snapshots", resolve_snapshots(snapshots, path + "snapshots")}});
  }
  return {{"name", config.name},
          {"seed", config.seed},
          {"seeds", config.seeds},
          {"parallel_runs", config.parallel_runs},
          {"device", config.device},
          {"threads", config.threads},
          {"data", to_json(config.data)},
          {"model", to_json(config.model)},
          {"train", to_json(config.train)},
          {"branches", branches},
          {"measures",
           {{"sharpness_images", config.measures.sharpness_images}, {"line_points", config.measures.line_points}}},
          {"plane",
           {{"kind", name_of(config.plane.kind, kPlaneKinds)},
            {"origin", name_of(config.plane.origin, plane_origins())},
            {"windows", config.plane.windows},
            {"shared", config.plane.shared}}},
          {"landscape", to_json(config.landscape)}};
}

}  // namespace thalweg
