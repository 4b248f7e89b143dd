#include <algorithm>

#include "base/error.h"
#include "cli/command.h"
#include "experiment/planes.h"
#include "experiment/session.h"
#include "io/atomic_file.h"
#include "trajectory/window_planes.h"

namespace thalweg {
namespace {

// Describes model, data and normalisation of a configuration, for weights files that do not contain them.
nlohmann::json describe_config(const std::string& file, const CommonFlags& flags) {
  const ExperimentConfig config = read_experiment_config(load_config_json(file, flags));
  nlohmann::json description = describe_experiment(config, load_data(config.data));
  description["provenance"]["data_path"] = config.data.path;
  return description;
}

void print_variance(const nlohmann::json& provenance) {
  const auto explained = provenance.at("explained_variance").get<std::vector<double>>();
  const auto walk = provenance.at("random_walk_variance").get<std::vector<double>>();
  fmt::print("explained variance {:.1f} % and {:.1f} % (a random walk of the same steps: {:.1f} % and {:.1f} %)\n",
             100 * explained[0], 100 * explained[1], 100 * walk[0], 100 * walk[1]);
}

nlohmann::json tell_plane(const std::string& file, const Plane& plane, bool as_json) {
  nlohmann::json path = nlohmann::json::array();
  for (const PathPoint& point : plane.path) path.push_back(to_json(point));
  if (!as_json) fmt::print("{}\n", file);
  if (!as_json && plane.provenance.at("kind") == "pca") print_variance(plane.provenance);
  return {{"file", file}, {"plane", plane.provenance}, {"path", path}};
}

// Writes the planes of the windows beside the plane of the whole path.
nlohmann::json write_windows(const PlaneRequest& request, const std::string& out, bool as_json) {
  nlohmann::json told = nlohmann::json::array();
  auto files = window_files(out, request.windows);
  make_window_planes(request, [&](const Plane& plane) {
    const std::string file = files[told.size()].string();
    write_plane(file, plane);
    told.push_back(tell_plane(file, plane, as_json));
    const nlohmann::json& window = plane.provenance.at("window");
    if (!as_json) {
      fmt::print(
          "steps {} to {}: root-mean-square distance {:.3g} from this plane, {:.3g} from one plane of the whole path\n",
          window.at("first_step").get<std::int64_t>(), window.at("last_step").get<std::int64_t>(),
          window.at("rms_off_plane").get<double>(), window.at("one_plane_rms_off_plane").get<double>());
    }
  });
  return told;
}

void check_plane_out(const std::filesystem::path& out) {
  check_out(out, "plane.safetensors", "plane", [](const std::filesystem::path& file) { read_plane(file); });
}

}  // namespace

void plane_command(int argc, char** argv) {
  CommandLine line(
      "plane", "Makes a plane of weight space and projects the runs' paths onto it.", "RUN... --out FILE",
      "  thalweg plane out/demo --kind pca --out plane.safetensors         all runs of an experiment\n"
      "  thalweg plane out/demo/main --kind random --seed 3 --out random.safetensors\n"
      "  thalweg plane a b c@1200 --kind points --out points.safetensors   three runs, weights or snapshots\n"
      "  thalweg plane a b --kind line --out line.safetensors              from one set of weights to another\n"
      "  thalweg plane out/demo --windows 4 --out plane.safetensors        and four planes along the path\n");
  line.add()(
      "runs",
      "run or experiment folders (with seeds: all of them); for random, points, line also weights files, RUN@STEP",
      cxxopts::value<std::vector<std::string>>(),
      "RUN...")("kind", "pca, random, points or line", cxxopts::value<std::string>()->default_value("pca"), "KIND")(
      "origin", "origin of a pca plane: mean, final or first", cxxopts::value<std::string>()->default_value("mean"),
      "WHERE")("config", "configuration with the model and data of weights that do not carry them",
               cxxopts::value<std::string>(), "FILE")("out", "the plane's file", cxxopts::value<std::string>(), "FILE")(
      "windows", "pca only: also write N planes beside FILE, each fitted to one part of the first run's path",
      cxxopts::value<std::string>(), "N");
  line.positional({"runs"});
  line.parse(argc, argv);
  const CommonFlags flags = line.common();
  const std::string out = line.required("out", "--out FILE");
  PlaneRequest request;
  request.kind = parse_enum("--kind", line.text("kind"), plane_kinds());
  request.origin = parse_enum("--origin", line.text("origin"), plane_origins());
  request.seed = flags.seed.value_or(0);
  request.sources = line.texts("runs");
  if (line.has("config")) request.fallback_description = describe_config(line.text("config"), flags);
  if (line.has("windows")) request.windows = static_cast<int>(line.integer("windows", 2, kMaxWindows));
  for (const char* flag : {"origin", "windows"}) {
    if (line.has(flag) && request.kind != PlaneKind::kPca) fail_usage("--{} is for planes of kind pca", flag);
  }
  check_plane_out(out);
  if (request.windows > 0) std::ranges::for_each(window_files(out, request.windows), check_plane_out);
  check_can_write(out);
  const Plane plane = make_plane(request);
  if (request.windows > 0) {  // windows divide the first run, whose path comes first
    const auto is_elsewhere = [&](const PathPoint& point) { return point.run != plane.path.front().run; };
    const auto end = std::ranges::find_if(plane.path, is_elsewhere);
    cut_windows(static_cast<std::size_t>(end - plane.path.begin()), request.windows);  // throws before any file is
                                                                                       // written
  }
  write_plane(out, plane);
  nlohmann::json result = tell_plane(out, plane, flags.json);
  if (request.windows > 0) result["windows"] = write_windows(request, out, flags.json);
  if (flags.json) fmt::print("{}\n", result.dump());
}

}  // namespace thalweg
