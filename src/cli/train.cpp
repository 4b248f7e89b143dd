#include "cli/command.h"
#include "experiment/session.h"
#include "io/json_member.h"

namespace thalweg {

void train_command(int argc, char** argv) {
  CommandLine line("train",
                   "Trains the main path of a configuration. If it was stopped, the same command continues it.",
                   "CONFIG --out RUN",
                   "  thalweg train experiments/demo.json --out out/run\n"
                   "  thalweg train experiments/demo.json --out out/fast --set train.epochs=2 --seed 3 --json\n"
                   "  thalweg train experiments/demo.json --out out/run --profile 10\n");
  line.add()("config", "configuration file", cxxopts::value<std::string>(), "CONFIG")(
      "out", "the run's folder", cxxopts::value<std::string>(), "RUN")(
      "profile", "profile N steps and write RUN/profile.json, a Chrome trace", cxxopts::value<std::string>(), "N");
  line.positional({"config"});
  line.parse(argc, argv);
  const CommonFlags flags = line.common();
  const std::string out = line.required("out", "--out RUN");
  const nlohmann::json json = load_config_json(line.required("config", "the configuration file"), flags);
  const Session session = open_session(read_experiment_config(json, ForksBehindTheEnd::kDropped), flags.progress);
  RunContext context = session.run_context();
  if (line.has("profile")) context.profile_steps = line.integer("profile", 1, 1000);
  nlohmann::json result;
  RunLanes lanes = session.lanes;
  lanes.count = 1;
  run_side_by_side({{[&] { result = train_run(session.main_spec(), context, out); }}}, lanes);
  if (flags.json) {
    fmt::print("{}\n", result.dump());
  } else {
    const auto number = [&](const char* key) { return number_or_nan(result.at(key)); };
    fmt::print("{}: train loss {:.4f}, test loss {:.4f}, test accuracy {:.2f} %\n", out, number("train_loss"),
               number("test_loss"), 100 * number("test_accuracy"));
  }
}

}  // namespace thalweg
