#include "cli/command.h"
#include "experiment/runner.h"
#include "io/strict_json.h"

namespace thalweg {
namespace {

// Prints one line per run. Unknown values are null, since JSON has no NaN, and are printed as "?".
void print_seeds(const nlohmann::json& summary) {
  const auto text = [](const nlohmann::json& value, double factor, int digits) {
    return value.is_number() ? fmt::format("{:.{}f}", factor * value.get<double>(), digits) : "?";
  };
  for (const auto& [run, metrics] : summary.at("runs").items()) {
    const nlohmann::json& loss = metrics.at("test_loss");
    const nlohmann::json& accuracy = metrics.at("test_accuracy");
    fmt::print("{}: test loss {} +- {}, test accuracy {} +- {} % ({} seeds)\n", run, text(loss.at("mean"), 1, 4),
               text(loss.at("std"), 1, 4), text(accuracy.at("mean"), 100, 2), text(accuracy.at("std"), 100, 2),
               summary.at("seeds").size());
  }
}

}  // namespace

void experiment_command(int argc, char** argv) {
  CommandLine line(
      "experiment",
      "Trains the main path and its branches, makes the plane, maps train and test loss over it and writes the report. "
      "Work that is already done is skipped.",
      "CONFIG [--out DIR]",
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
  } else if (session.config.seeds.empty()) {
    fmt::print("{}\n", files.front().string());
  } else {
    print_seeds(read_json_file(files.front()));
  }
}

}  // namespace thalweg
