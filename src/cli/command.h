// A command of the program: parses its flags, calls the engine, prints. Results go to stdout, progress to stderr;
// errors are thrown and printed once, by main.
#pragma once

// A vector option takes one value each time it is given ("--set a=1,2" is one value).
#define CXXOPTS_VECTOR_DELIMITER '\0'
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <cxxopts.hpp>
#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "experiment/config.h"

namespace thalweg {

struct Command {
  const char* name;
  const char* summary;  // one line for the list of commands
  void (*run)(int argc, char** argv);
};
const std::vector<Command>& commands();

// One function a file, src/cli/<name>.cpp.
void train_command(int argc, char** argv);
void lr_range_command(int argc, char** argv);
void experiment_command(int argc, char** argv);
void theory_command(int argc, char** argv);
void plane_command(int argc, char** argv);
void landscape_command(int argc, char** argv);
void evaluate_command(int argc, char** argv);
void report_command(int argc, char** argv);
void data_command(int argc, char** argv);
void doctor_command(int argc, char** argv);
void config_command(int argc, char** argv);

// Flags that most commands share.
struct CommonFlags {
  std::vector<std::string> overrides;  // --set a.b=value
  std::optional<std::string> device;
  std::optional<std::int64_t> seed;
  std::optional<int> threads;
  bool json = false;
  ProgressMode progress = ProgressMode::kAuto;
};

// A command line: options with the common ones added, parsed. `--help` prints and ends through HelpShown.
class CommandLine {
 public:
  // `arguments`: what must be given, as the usage shows it. `examples` end the help.
  CommandLine(const std::string& name, const std::string& summary, const std::string& arguments,
              const std::string& examples);

  cxxopts::OptionAdder add() { return options_.add_options(); }
  // Names of positional arguments, the last one repeated.
  void positional(const std::vector<std::string>& names) { options_.parse_positional(names); }
  // Usage Error for unknown flags and for missing values.
  void parse(int argc, char** argv);

  bool has(const std::string& name) const { return result_.count(name) != 0; }
  std::string text(const std::string& name) const { return result_[name].as<std::string>(); }
  std::vector<std::string> texts(const std::string& name) const;
  // Numbers are options of text. Usage Error that names the flag if it is none, or outside [min, max].
  std::int64_t integer(const std::string& name, std::int64_t min, std::int64_t max) const;
  double number(const std::string& name) const;
  // Usage Error that names the flag or argument if it was not given.
  std::string required(const std::string& name, const std::string& what) const;
  CommonFlags common() const;

 private:
  cxxopts::Options options_;
  cxxopts::ParseResult result_;
  std::string name_;
  std::string examples_;
};

// Thrown after help was printed: not an error.
struct HelpShown {};

// Usage Error, to be had before anything is computed, where `out` is a folder, or a file that `read` does not take:
// what is written there would replace something else. `example` is a file's name; `what` it should be, like "plane".
void check_out(const std::filesystem::path& out, const char* example, const char* what,
               const std::function<void(const std::filesystem::path&)>& read);

// The file with --set, --device, --seed and --threads applied, not yet read as a configuration.
nlohmann::json load_config_json(const std::string& file, const CommonFlags& flags);
void apply_flags(nlohmann::json& config, const CommonFlags& flags);

}  // namespace thalweg
