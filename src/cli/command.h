// The program's commands. Each parses its flags, calls the engine and prints. Results go to stdout and progress to
// stderr; errors are thrown, and printed once by main.
#pragma once

// A vector option takes one value per occurrence ("--set a=1,2" is one value).
#define CXXOPTS_VECTOR_DELIMITER '\0'
#include <cstdint>
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

// Each command is defined in src/cli/<name>.cpp.
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

// Parses a command line: a command's own options and the common ones. `--help` prints the help and throws HelpShown.
class CommandLine {
 public:
  // `arguments` are the required arguments as shown in the usage line. `examples` are printed at the end of the help.
  CommandLine(const std::string& name, const std::string& summary, const std::string& arguments,
              const std::string& examples);

  cxxopts::OptionAdder add() { return options_.add_options(); }
  // The names of the positional arguments; the last one may be repeated.
  void positional(const std::vector<std::string>& names) { options_.parse_positional(names); }
  // Throws a usage Error for unknown flags and missing values.
  void parse(int argc, char** argv);

  bool has(const std::string& name) const { return result_.count(name) != 0; }
  std::string text(const std::string& name) const { return result_[name].as<std::string>(); }
  std::vector<std::string> texts(const std::string& name) const;
  // Numeric options are declared as text. Throws a usage Error naming the flag if its value is not a number or is
  // outside [min, max].
  std::int64_t integer(const std::string& name, std::int64_t min, std::int64_t max) const;
  double number(const std::string& name) const;
  // Throws a usage Error naming the flag or argument (`what`) if it was not given.
  std::string required(const std::string& name, const std::string& what) const;
  CommonFlags common() const;

 private:
  cxxopts::Options options_;
  cxxopts::ParseResult result_;
  std::string name_;
  std::string examples_;
};

// Thrown after the help was printed; not an error.
struct HelpShown {};

// Call before computing anything. Throws a usage Error if `out` is a folder or an existing file that `read` rejects,
// because writing there would replace something else. `example` is a sample file name and `what` the kind of file, like
// "plane".
void check_out(const std::filesystem::path& out, const char* example, const char* what,
               const std::function<void(const std::filesystem::path&)>& read);
// The same for a file that is written beside --out.
void check_replaceable(const std::filesystem::path& file, const char* what,
                       const std::function<void(const std::filesystem::path&)>& read);

// Returns the file's JSON with --set, --device, --seed and --threads applied, not yet read as a configuration.
nlohmann::json load_config_json(const std::string& file, const CommonFlags& flags);
void apply_flags(nlohmann::json& config, const CommonFlags& flags);

}  // namespace thalweg
