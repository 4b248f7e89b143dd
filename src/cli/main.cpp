// The thalweg program: runs the named command, prints the error it throws, and returns the exit code (docs/cli.md).
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

#include "base/console.h"
#include "base/device.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/stop.h"
#include "cli/command.h"
#include "thalweg/version.h"

namespace {

void print_commands(std::FILE* stream) {
  fmt::print(stream, "thalweg {} ({}): the valleys that training walks through\n\nusage: thalweg COMMAND ...\n\n",
             thalweg::kVersion, thalweg::kCommit);
  for (const thalweg::Command& command : thalweg::commands()) {
    fmt::print(stream, "  {:<11} {}\n", command.name, command.summary);
  }
  fmt::print(
      stream,
      "\n'thalweg COMMAND --help' shows more. Start with: thalweg experiment experiments/demo.json --out out/demo\n");
}

int run_command(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  if (name == "--version") {
    fmt::print("thalweg {} ({})\n", thalweg::kVersion, thalweg::kCommit);
    return 0;
  }
  if (name == "help" && argc > 2) {
    std::string flag = "--help";
    char* help[] = {argv[0], argv[2], flag.data()};
    return run_command(3, help);
  }
  if (name.empty() || name == "--help" || name == "-h" || name == "help") {
    print_commands(name.empty() ? stderr : stdout);
    return name.empty() ? static_cast<int>(thalweg::ExitCode::kUsage) : 0;
  }
  for (const thalweg::Command& command : thalweg::commands()) {
    if (name != command.name) continue;
    command.run(argc - 1, argv + 1);
    return 0;
  }
  thalweg::fail_usage("there is no command '{}'; 'thalweg --help' lists them", name);
}

}  // namespace

int main(int argc, char** argv) {
  thalweg::open_standard_streams();
  thalweg::keep_freed_memory();
  thalweg::use_fixed_sums();
  thalweg::install_stop_handlers();
  try {
    const int code = run_command(argc, argv);
    thalweg::flush_results();
    return code;
  } catch (const thalweg::HelpShown&) {
    return 0;
  } catch (const thalweg::Error& error) {
    thalweg::say(fmt::format("thalweg: {}", error.what()));
    return static_cast<int>(error.code());
  } catch (const std::filesystem::filesystem_error& error) {
    const std::string path = error.path1().string();
    thalweg::say(fmt::format("thalweg: {}", path.empty() ? error.what() : path + ": " + error.code().message()));
    return static_cast<int>(thalweg::ExitCode::kFailure);
  } catch (const std::exception& error) {
    thalweg::say(fmt::format("thalweg: {}", thalweg::first_line(error.what())));
    return static_cast<int>(thalweg::ExitCode::kFailure);
  }
}
