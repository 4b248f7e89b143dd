#include "cli/command.h"
#include "experiment/planes.h"

namespace thalweg {
namespace {

// Model, data and normalisation of a configuration, for weights that do not carry them.
nlohmann::json describe_config(const std::string& file, const CommonFlags& flags) {
  const ExperimentConfig config = read_experiment_config(load_config_json(file, flags));
  const DataSet data = load_data(config.data);
  return {{"model", to_json(config.model)},
          {"data", to_json(config.data)},
          {"normalisation", data.normalisation},
          {"classes", data.class_names}};
}

}  // namespace

void plane_command(int argc, char** argv) {
  CommandLine line(
      "plane", "Makes a plane of weight space and projects the runs' paths onto it.", "RUN... --out FILE",
      "  thalweg plane out/demo --kind pca --out plane.safetensors         all runs of an experiment\n"
      "  thalweg plane out/demo/main --kind random --seed 3 --out random.safetensors\n"
      "  thalweg plane a b c@1200 --kind points --out points.safetensors   three runs, weights or snapshots\n"
      "  thalweg plane a b --kind line --out line.safetensors              from one set of weights to another\n");
  line.add()("runs", "run or experiment folders; weights files and RUN@STEP for random, points and line",
             cxxopts::value<std::vector<std::string>>(), "RUN...")(
      "kind", "pca, random, points or line", cxxopts::value<std::string>()->default_value("pca"), "KIND")(
      "origin", "of a pca plane: mean, final or first", cxxopts::value<std::string>()->default_value("mean"), "WHERE")(
      "config", "says model and data of weights that do not", cxxopts::value<std::string>(), "FILE")(
      "out", "the plane's file", cxxopts::value<std::string>(), "FILE");
  line.positional({"runs"});
  line.parse(argc, argv);
  const CommonFlags flags = line.common();
  const std::string out = line.required("out", "--out FILE");
  PlaneRequest request;
  request.kind = line.text("kind");
  request.origin = line.text("origin");
  request.seed = flags.seed.value_or(0);
  request.sources = line.texts("runs");
  if (line.has("config")) request.fallback_description = describe_config(line.text("config"), flags);
  const Plane plane = make_plane(request);
  write_plane(out, plane);
  if (flags.json) {
    nlohmann::json path = nlohmann::json::array();
    for (const PathPoint& point : plane.path) path.push_back(to_json(point));
    fmt::print("{}\n", nlohmann::json({{"file", out}, {"plane", plane.provenance}, {"path", path}}).dump());
    return;
  }
  fmt::print("{}\n", out);
  if (request.kind == "pca") {
    const auto explained = plane.provenance.at("explained_variance").get<std::vector<double>>();
    const auto walk = plane.provenance.at("random_walk_variance").get<std::vector<double>>();
    fmt::print("explained variance {:.1f} % and {:.1f} % (a random walk of the same steps: {:.1f} % and {:.1f} %)\n",
               100 * explained[0], 100 * explained[1], 100 * walk[0], 100 * walk[1]);
  }
}

}  // namespace thalweg
