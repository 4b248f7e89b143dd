#include "experiment/planes.h"

#include <algorithm>
#include <array>
#include <map>

#include <ATen/ops/isfinite.h>

#include "base/console.h"
#include "base/error.h"
#include "base/parse_number.h"
#include "io/json_member.h"
#include "models/models.h"
#include "thalweg/version.h"
#include "train/run_folder.h"
#include "train/weights_source.h"
#include "trajectory/build_plane.h"
#include "trajectory/folders.h"
#include "trajectory/run_name.h"
#include "trajectory/store.h"
#include "trajectory/window_planes.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

// The part of the description of a run or a weights file that a plane stores.
nlohmann::json provenance_of(const nlohmann::json& description, const std::string& data_path) {
  nlohmann::json out = {{"version", kVersion}, {"commit", kCommit}};
  for (const char* key : {"model", "data", "data_digest", "image", "normalisation", "classes"}) {
    if (description.contains(key)) out[key] = description[key];
  }
  if (!data_path.empty()) out["data"]["path"] = data_path;
  return out;
}

// Stores the metrics that the weights at the origin were evaluated to: a map must reproduce them there
// (landscape/audit.h).
void add_final(nlohmann::json& provenance, const nlohmann::json& description) {
  if (description.is_object() && description.contains("final")) provenance["origin_final"] = description.at("final");
}

Graph graph_of(const nlohmann::json& description, const std::string& source) {
  check(description.contains("model") && description.contains("normalisation") && description.contains("data"),
        "{} does not say which network and data it belongs to; name a configuration with --config", source);
  try {
    const ModelConfig model = read_model_config(ConfigReader(description.at("model"), "model"));
    // Descriptions made by other programs may lack the shape: assume CIFAR-10's.
    const auto image = description.value("image", std::array<std::int64_t, 3>{3, 32, 32});
    const std::size_t classes = description.contains("classes") ? description.at("classes").size() : 10;
    return build_model(model, image, static_cast<std::int64_t>(classes));
  } catch (const Error& error) {
    fail("{}: cannot build the network that it, or the configuration, describes: {}", source, error.what());
  } catch (const nlohmann::json::exception&) {
    fail("{}: its description of the network is damaged: \"image\" must be three sizes and \"classes\" a list", source);
  }
}

PlaneContext context_of(const Graph& graph, nlohmann::json provenance) {
  return {to_json(graph.parameters), to_json(graph.buffers), std::move(provenance)};
}

std::string data_path_of(const fs::path& run) {
  const nlohmann::json status = read_run_status(run);
  return status.is_null() ? "" : status.value("/provenance/data_path"_json_pointer, std::string());
}

// Throws if a finished run has fewer snapshots than it took: the plane would silently be a different one.
TrajectoryReader open_trajectory(const fs::path& run) {
  TrajectoryReader reader(RunFolder{run}.trajectory());
  const nlohmann::json status = read_run_status(run);
  if (!is_done(status)) return reader;
  const std::int64_t taken = status.value("snapshots", reader.size());
  check(reader.size() == taken,
        "{} is damaged: it has {} snapshots, but the run took {}; remove the run's folder to train it again",
        trajectory_index(RunFolder{run}.trajectory()).string(), reader.size(), taken);
  return reader;
}

// The runs of a PCA plane, and what the plane records about them.
struct PcaSource {
  std::vector<RunPath> runs;
  PlaneContext context;
};

// Returns each run once, no matter how often the sources name it.
std::vector<fs::path> runs_of(const std::vector<std::string>& sources) {
  std::vector<fs::path> folders;
  for (const std::string& source : sources) {
    for (const fs::path& run : find_runs(source)) {
      const auto same = [&](const fs::path& other) { return fs::equivalent(run, other); };
      if (std::ranges::none_of(folders, same)) folders.push_back(run);
    }
  }
  return folders;
}

// A run's folder and its run.json.
struct IdentifiedRun {
  fs::path folder;
  nlohmann::json identity;

  const nlohmann::json& description() const { return identity.at("description"); }
  std::uint64_t seed() const { return identity.at("seed").get<std::uint64_t>(); }
};

void check_share_a_plane(const std::vector<IdentifiedRun>& runs) {
  for (const char* key : {"model", "data_digest", "normalisation"}) {
    for (const IdentifiedRun& run : runs) {
      check(run.description().value(key, nlohmann::json()) == runs[0].description().value(key, nlohmann::json()),
            "{} and {} differ in their {}, so they cannot share a plane: leave one of them out",
            runs[0].folder.string(), run.folder.string(), key);
    }
  }
}

// The name of a run's folder; for the runs of an experiment (EXP/main, EXP/branches/NAME, EXP/seeds/N/main) it begins
// with the experiment's.
std::string name_of_folder(const fs::path& run) {
  fs::path experiment = run.parent_path();
  const bool is_branch = experiment.filename() == "branches";
  if (!is_branch && run.filename() != kMainRun) return run.filename().string();
  if (is_branch) experiment = experiment.parent_path();
  if (experiment.parent_path().filename() == "seeds") experiment = experiment.parent_path().parent_path();
  const std::string name = experiment.filename().string();
  return is_branch ? fmt::format("{}-{}", name, run.filename().string()) : name;
}

// Returns the runs' names. Every training by itself is called "main"; among several of the same seed, the later ones
// are named after their folders, and averages after their runs.
std::vector<std::string> names_of(const std::vector<IdentifiedRun>& runs) {
  std::map<std::pair<std::uint64_t, std::string>, fs::path> taken;  // by seed and name
  std::map<fs::path, std::string> renamed;                          // by folder
  std::vector<std::string> names;
  for (const IdentifiedRun& run : runs) {
    auto name = run.identity.at("name").get<std::string>();
    const fs::path folder = fs::canonical(run.folder);
    if (const auto whole = renamed.find(folder.parent_path()); whole != renamed.end()) {
      name = average_name(whole->second);
    } else if (taken.contains({run.seed(), name})) {
      name = name_of_folder(folder);
      check(name.find(',') == std::string::npos && !split_run_name(name).is_average,
            "{}: on a plane with {} this run is named after its folder, but a run's name has no comma and does not end "
            "like that of an average; rename the folder",
            folder.string(), runs.front().folder.string());
      renamed[folder] = name;
    }
    const auto [other, is_new] = taken.emplace(std::pair(run.seed(), name), folder);
    check(
        is_new,
        "{} and {}: a plane of several runs of one seed needs to tell them apart, but both would be named '{}'; rename "
        "a folder, or leave one of them out",
        other->second.string(), folder.string(), name);
    names.push_back(name);
  }
  return names;
}

PcaSource open_runs(const PlaneRequest& request) {
  std::vector<IdentifiedRun> runs;
  for (const fs::path& folder : runs_of(request.sources)) runs.push_back({folder, read_run_identity(folder)});
  check_share_a_plane(runs);
  const IdentifiedRun& first = runs.front();
  const bool one_seed = std::ranges::all_of(runs, [&](const IdentifiedRun& run) { return run.seed() == first.seed(); });
  PcaSource out;
  nlohmann::json names = nlohmann::json::array();
  std::map<std::uint64_t, std::size_t> main_of;  // by seed
  const std::vector<std::string> own_names = names_of(runs);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const IdentifiedRun& run = runs[i];
    const auto [main, is_main] = main_of.emplace(run.seed(), out.runs.size());
    std::optional<Fork> fork;
    if (!is_main) fork = Fork{main->second, run.identity.at("first_step").get<std::int64_t>()};
    const std::string name = one_seed ? own_names[i] : name_with_seed(own_names[i], run.seed());
    RunPath path = load_run(open_trajectory(run.folder), name, fork);
    check(fork || !path.infos.empty(), "{} has no snapshots: train it first", run.folder.string());
    if (path.infos.empty()) continue;  // an average that never started, or a branch that was stopped at once
    names.push_back({{"name", name},
                     {"first_step", run.identity.at("first_step")},
                     {"snapshots", path.infos.size()},
                     {"last_step", path.infos.back().step}});
    out.runs.push_back(std::move(path));
  }
  nlohmann::json provenance = provenance_of(first.description(), data_path_of(first.folder));
  provenance["runs"] = names;
  provenance["run_seed"] = first.seed();
  if (!one_seed) {
    for (const auto& [seed, main] : main_of) provenance["run_seeds"].push_back(seed);
  }
  out.context = context_of(graph_of(first.description(), first.folder.string()), provenance);
  return out;
}

Plane plane_of_runs(const PlaneRequest& request) {
  PcaSource source = open_runs(request);
  if (request.origin == PlaneOrigin::kFinal)
    add_final(source.context.provenance, read_run_status(find_runs(request.sources.front()).front()));
  return pca_plane(source.runs, request.origin, source.context);
}

// One set of weights: a weights file, a run's final weights, or RUN@STEP.
struct Source {
  PathPoint label;
  Weights weights;
  nlohmann::json description;
  std::string data_path;
};

Source snapshot_source(const fs::path& run, std::int64_t step) {
  const TrajectoryReader reader(RunFolder{run}.trajectory());
  check(reader.size() > 0, "{} has no snapshots", run.string());
  for (std::int64_t i = 0; i < reader.size(); ++i) {
    const SnapshotInfo& info = reader.info(i);
    if (info.step != step) continue;
    reader.verify(i);
    const nlohmann::json identity = read_run_identity(run);
    return {{identity.at("name").get<std::string>(), step, info.epoch, info.lr, 0, 0, 0},
            {reader.weights(i), reader.buffers(i)},
            identity.at("description"),
            data_path_of(run)};
  }
  fail("{} has no snapshot of step {}; its snapshots are of steps {} to {}", run.string(), step, reader.info(0).step,
       reader.info(reader.size() - 1).step);
}

Source weights_source(const fs::path& file, const PlaneRequest& request) {
  nlohmann::json description = describe_weights(file);
  if (description.is_null()) description = request.fallback_description;
  const Graph graph = graph_of(description, file.string());
  Source source;
  source.label.run = description.value("run", file.stem().string());
  source.label.step = description.value("step", std::int64_t{0});
  source.label.epoch = description.value("epoch", 0.0);
  source.weights = load_weights(file, graph);
  source.description = description;
  source.data_path = description.value("/provenance/data_path"_json_pointer, std::string());
  return source;
}

Source open_source(const std::string& text, const PlaneRequest& request) {
  const std::size_t at = text.rfind('@');
  if (!fs::exists(text) && at != std::string::npos && RunFolder{text.substr(0, at)}.holds_run()) {
    const auto step = parse_number<std::int64_t>(text.substr(at + 1));
    if (!step) fail_usage("'{}': expected a snapshot as RUN@STEP, with the number of a step", text);
    return snapshot_source(text.substr(0, at), *step);
  }
  const fs::path path = text;
  if (!fs::is_directory(path)) return weights_source(path, request);
  return weights_source(final_weights_of(path), request);
}

void need_sources(const PlaneRequest& request, std::size_t count) {
  if (request.sources.size() == count) return;
  fail_usage("a plane of kind '{}' needs {} run{} or weights file{}, got {}", name_of(request.kind, plane_kinds()),
             count, count == 1 ? "" : "s", count == 1 ? "" : "s", request.sources.size());
}

Plane random_plane_of(const PlaneRequest& request) {
  need_sources(request, 1);
  const Source source = open_source(request.sources[0], request);
  check(at::isfinite(source.weights.weights).all().item<bool>(), "{}: its weights are not finite", request.sources[0]);
  const Graph graph = graph_of(source.description, request.sources[0]);
  nlohmann::json provenance = provenance_of(source.description, source.data_path);
  add_final(provenance, source.description);
  Plane plane =
      random_plane(source.weights.weights, source.weights.buffers, request.seed, context_of(graph, provenance));
  plane.path = {source.label};
  return plane;
}

// A plane has one normalisation and one data set, those of the first source. Weights that expect otherwise normalised
// pixels would be evaluated wrongly; weights that were trained on other images may be compared.
void check_same_images(const Source& first, const Source& other, const std::array<std::string, 2>& names) {
  const auto of = [](const Source& source, const char* key) { return member(source.description, key); };
  check(of(first, "normalisation") == of(other, "normalisation"),
        "{} and {} were trained with different normalisations of the images, so no map would be right for both",
        names[0], names[1]);
  const nlohmann::json images = of(first, "data_digest"), others = of(other, "data_digest");
  if (!images.is_null() && !others.is_null() && images != others)
    say(fmt::format("note: {} and {} were trained on different images; maps of the plane use those of {}", names[0],
                    names[1], names[0]));
}

// Builds the plane through N sources with `make`; statistics, network and data are those of the first source.
template <std::size_t N, typename Make>
Plane plane_through(const PlaneRequest& request, const Make& make) {
  need_sources(request, N);
  std::array<PlanePoint, N> points;
  std::optional<Source> first;
  for (std::size_t i = 0; i < N; ++i) {
    Source source = open_source(request.sources[i], request);
    if (!first) first = source;
    check(source.description.at("model") == first->description.at("model"),
          "{} and {} are weights of different networks", request.sources[0], request.sources[i]);
    check_same_images(*first, source, {request.sources[0], request.sources[i]});
    points[i] = {source.label, source.weights.weights};
  }
  const Graph graph = graph_of(first->description, request.sources[0]);
  nlohmann::json provenance = provenance_of(first->description, first->data_path);
  add_final(provenance, first->description);
  return make(points, first->weights.buffers, context_of(graph, provenance));
}

}  // namespace

Plane make_plane(const PlaneRequest& request) {
  if (request.sources.empty()) fail_usage("a plane needs at least one run");
  switch (request.kind) {
    case PlaneKind::kPca:
      return plane_of_runs(request);
    case PlaneKind::kRandom:
      return random_plane_of(request);
    case PlaneKind::kPoints:
      return plane_through<3>(request, points_plane);
    case PlaneKind::kLine:
      return plane_through<2>(request, line_plane);
  }
  fail("unknown kind of plane");
}

void make_window_planes(const PlaneRequest& request, const std::function<void(Plane plane)>& take) {
  const PcaSource source = open_runs(request);
  window_planes(source.runs, request.windows, request.origin, source.context, take);
}

}  // namespace thalweg
