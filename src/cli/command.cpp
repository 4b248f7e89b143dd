#include "cli/command.h"

#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "base/parse_number.h"
#include "io/config_reader.h"
#include "io/strict_json.h"

namespace thalweg {
namespace {

constexpr std::int64_t kMaxInt = std::numeric_limits<std::int64_t>::max();

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"experiment", "main path, branches, plane, surfaces and report from one configuration", experiment_command},
      {"train", "train one run", train_command},
      {"lr-range", "find a learning rate: train briefly while the rate grows", lr_range_command},
      {"theory", "the nonlinear model ||w||^gamma w^T x: thousands of runs, a phase diagram", theory_command},
      {"plane", "make a plane of weight space from runs or weights", plane_command},
      {"landscape", "map train and test loss over a plane", landscape_command},
      {"evaluate", "loss and accuracy of one set of weights", evaluate_command},
      {"report", "write an experiment's report again", report_command},
      {"data", "fetch or describe a data set", data_command},
      {"config", "check a configuration and print it with all defaults", config_command},
      {"doctor", "check this machine: GPU, kernels, write access, data sets", doctor_command},
  };
  return all;
}

CommandLine::CommandLine(const std::string& name, const std::string& summary, const std::string& arguments,
                         const std::string& examples)
    : options_("thalweg " + name, summary), name_(name), examples_(examples) {
  options_.custom_help(arguments + (arguments.empty() ? "" : " ") + "[OPTION...]");
  options_.positional_help("");
  options_.set_width(110);
  options_.add_options("Common")("set", "change a key of the configuration: --set train.batch=64",
                                 cxxopts::value<std::vector<std::string>>(), "KEY=VALUE")(
      "device", "auto, cpu, cuda or cuda:N", cxxopts::value<std::string>(), "NAME")(
      "seed", "seed of initial weights, data order and augmentation; of random directions; of samples",
      cxxopts::value<std::string>(), "N")("threads", "CPU threads (0: one per physical core)",
                                          cxxopts::value<std::string>(), "N")("json", "print results as JSON")(
      "quiet", "print no settings and no progress on stderr")("h,help", "show this help");
}

void CommandLine::parse(int argc, char** argv) {
  try {
    result_ = options_.parse(argc, argv);
  } catch (const std::exception& error) {  // versions of cxxopts name their exceptions differently
    fail_usage("{}; see 'thalweg {} --help'", error.what(), argv[0]);
  }
  if (has("help")) {
    fmt::print("{}\nExamples:\n{}", options_.help(), examples_);
    throw HelpShown{};
  }
  if (!result_.unmatched().empty()) {
    fail_usage("unexpected argument '{}'; see 'thalweg {} --help'", result_.unmatched().front(), argv[0]);
  }
}

std::vector<std::string> CommandLine::texts(const std::string& name) const {
  return has(name) ? result_[name].as<std::vector<std::string>>() : std::vector<std::string>();
}

std::int64_t CommandLine::integer(const std::string& name, std::int64_t min, std::int64_t max) const {
  const auto value = parse_number<std::int64_t>(text(name));
  if (!value || *value < min || *value > max)
    fail_usage("--{}: expected an integer {}, got '{}'", name,
               max == kMaxInt ? fmt::format("of at least {}", min) : fmt::format("from {} to {}", min, max),
               text(name));
  return *value;
}

double CommandLine::number(const std::string& name) const {
  const auto value = parse_number<double>(text(name));
  if (!value) fail_usage("--{}: expected a number, got '{}'", name, text(name));
  return *value;
}

std::string CommandLine::required(const std::string& name, const std::string& what) const {
  if (!has(name) || text(name).empty()) fail_usage("{} is missing; see 'thalweg {} --help'", what, name_);
  return text(name);
}

CommonFlags CommandLine::common() const {
  CommonFlags flags;
  flags.overrides = texts("set");
  if (has("device")) flags.device = text("device");
  if (has("seed")) flags.seed = integer("seed", 0, kMaxInt);
  if (has("threads")) flags.threads = static_cast<int>(integer("threads", 0, 1024));
  flags.json = has("json");
  flags.progress = has("quiet") ? ProgressMode::kQuiet : ProgressMode::kAuto;
  return flags;
}

void apply_flags(nlohmann::json& config, const CommonFlags& flags) {
  for (const std::string& assignment : flags.overrides) apply_override(config, assignment);
  if (flags.device) config["device"] = *flags.device;
  if (flags.seed) {
    config["seed"] = *flags.seed;
    config.erase("seeds");
  }
  if (flags.threads) config["threads"] = *flags.threads;
}

void check_out(const std::filesystem::path& out, const char* example, const char* what,
               const std::function<void(const std::filesystem::path&)>& read) {
  if (!out.has_filename() || std::filesystem::is_directory(out))
    fail_usage("--out must name a file, like {}, but {} is a folder", (out / example).string(), out.string());
  check_replaceable(out, what, read);
}

void check_replaceable(const std::filesystem::path& file, const char* what,
                       const std::function<void(const std::filesystem::path&)>& read) {
  std::error_code missing;
  const std::filesystem::file_status status = std::filesystem::status(file, missing);
  if (!std::filesystem::exists(status)) return;
  if (!std::filesystem::is_regular_file(status))
    fail_usage("--out: {} would be written, but is not a regular file; choose another name", file.string());
  try {
    read(file);
  } catch (const std::exception& error) {
    fail_usage("--out: {} already exists and is not a {} ({}); choose another name or remove it", file.string(), what,
               first_line(error.what()));
  }
}

nlohmann::json load_config_json(const std::string& file, const CommonFlags& flags) {
  nlohmann::json config = read_json_file(file);
  if (!config.is_object()) fail_usage("{}: a configuration must be a JSON object, got {}", file, config.type_name());
  apply_flags(config, flags);
  return config;
}

}  // namespace thalweg
