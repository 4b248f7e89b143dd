#include "report/report.h"

#include "cli/command.h"

namespace thalweg {

void report_command(int argc, char** argv) {
  CommandLine line("report",
                   "Writes report.html and figures from what an experiment's (or a run's) folder holds so far.", "DIR",
                   "  thalweg report out/demo\n");
  line.add()("folder", "the experiment's folder", cxxopts::value<std::string>(), "DIR");
  line.positional({"folder"});
  line.parse(argc, argv);
  const std::string folder = line.required("folder", "the experiment's folder");
  nlohmann::json files = nlohmann::json::array();
  for (const auto& file : write_report(folder, collect_report(folder))) files.push_back(file.string());
  if (line.common().json) {
    fmt::print("{}\n", nlohmann::json({{"files", files}}).dump());
  } else {
    for (const auto& file : files) fmt::print("{}\n", file.get<std::string>());
  }
}

}  // namespace thalweg
