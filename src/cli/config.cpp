#include "theory/config.h"

#include "base/error.h"
#include "cli/command.h"

namespace thalweg {

void config_command(int argc, char** argv) {
  CommandLine line("config", "Checks a configuration and prints it with every default filled in (JSON).", "check FILE",
                   "  thalweg config check experiments/demo.json\n"
                   "  thalweg config check experiments/demo.json --set train.batch=64\n");
  line.add()("action", "check", cxxopts::value<std::string>(), "check")("file", "configuration file",
                                                                        cxxopts::value<std::string>(), "FILE");
  line.positional({"action", "file"});
  line.parse(argc, argv);
  const std::string action = line.required("action", "'check FILE'");
  if (action != "check") fail_usage("'thalweg config': expected 'check', got '{}'", action);
  const nlohmann::json json = load_config_json(line.required("file", "the configuration file"), line.common());
  const bool is_theory = json.is_object() && json.contains("theory");
  const nlohmann::json full = is_theory ? to_json(read_theory_config(json)) : to_json(read_experiment_config(json));
  fmt::print("{}\n", full.dump(line.common().json ? -1 : 2));
}

}  // namespace thalweg
