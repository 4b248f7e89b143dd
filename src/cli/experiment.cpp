#include "cli/command.h"
#include "experiment/runner.h"

namespace thalweg {

void experiment_command(int argc, char** argv) {
  CommandLine line(
      "experiment",
      "Trains main path and branches, makes the plane, maps train and test loss over it and writes the report. "
      "Steps that are done are skipped.",
      "CONFIG --out DIR",
      "  thalweg experiment experiments/demo.json --out out/demo\n"
      "  thalweg experiment experiments/demo.json --out out/demo --set landscape.grid=51x51\n");
  line.add()("config", "configuration file", cxxopts::value<std::string>(), "CONFIG")(
      "out", "the experiment's folder (default: out/<name>)", cxxopts::value<std::string>(), "DIR");
  line.positional({"config"});
  line.parse(argc, argv);
  const CommonFlags flags = line.common();
  const nlohmann::json json = load_config_json(line.required("config", "the configuration file"), flags);
  const Session session = open_session(read_experiment_config(json), flags.progress);
  const std::filesystem::path out = line.has("out") ? line.text("out") : "out/" + session.config.name;
  const auto files = run_experiment(session, out);
  if (flags.json) {
    nlohmann::json names = nlohmann::json::array();
    for (const auto& file : files) names.push_back(file.string());
    fmt::print("{}\n", nlohmann::json({{"folder", out.string()}, {"files", names}}).dump());
  } else {
    fmt::print("{}\n", files.front().string());
  }
}

}  // namespace thalweg
