#include "report/report.h"

#include <filesystem>
#include <map>

#include "base/error.h"
#include "cli/command.h"
#include "io/posix_file.h"
#include "report/study.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

void append(std::vector<fs::path>& files, std::vector<fs::path> more) {
  files.insert(files.end(), more.begin(), more.end());
}

// Of one folder, into it: each seed's page, and what they have in common.
std::vector<fs::path> report_on(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::is_directory(ExperimentFolder{folder}.seeds())) {
    append(files, write_report(folder, collect_report(folder)));
    if (fs::is_directory(ExperimentFolder{folder}.branches())) append(files, write_summary(folder));
    return files;
  }
  append(files, write_summary(folder));
  for (const fs::path& seed : seed_folders(folder)) append(files, write_report(seed, collect_report(seed)));
  return files;
}

// Of several experiments, into a folder of its own.
std::vector<fs::path> report_across(const std::vector<std::string>& folders, const fs::path& out) {
  std::vector<Results> experiments;
  std::map<std::string, int> titles;
  for (const std::string& folder : folders) ++titles[experiments.emplace_back(collect_results(folder)).title];
  for (std::size_t k = 0; k < folders.size(); ++k) {
    if (titles[experiments[k].title] > 1) experiments[k].title += fmt::format(" ({})", folders[k]);
  }
  create_folders(out);
  std::vector<fs::path> files = write_study(out, experiments);
  append(files, write_claims(out, experiments));
  return files;
}

}  // namespace

void report_command(int argc, char** argv) {
  CommandLine line(
      "report",
      "Writes report.html and figures from what an experiment's (or a run's) folder holds so far; of several "
      "experiments a page, figures and claims over all of them into --out.",
      "DIR [DIR...]",
      "  thalweg report out/demo\n"
      "  thalweg report out/vgg out/mlp --out out/paper\n");
  line.add()("folders", "experiments' folders", cxxopts::value<std::vector<std::string>>(), "DIR")(
      "out", "the folder for a report over several experiments", cxxopts::value<std::string>(), "DIR");
  line.positional({"folders"});
  line.parse(argc, argv);
  if (!line.has("folders")) fail_usage("name the experiment's folder; see 'thalweg report --help'");
  const auto folders = line.texts("folders");
  if (folders.size() > 1 && !line.has("out")) fail_usage("a report over several experiments needs a folder: --out DIR");
  if (folders.size() == 1 && line.has("out"))
    fail_usage("the report of one experiment goes into its folder; --out is for several");
  for (std::size_t k = 0; k < folders.size(); ++k) {
    for (std::size_t i = 0; i < k; ++i) {
      std::error_code none;  // of a folder that is not there: what reads it says so
      if (fs::equivalent(folders[i], folders[k], none))
        fail_usage("{} and {} are one folder: name each experiment once", folders[i], folders[k]);
    }
  }
  nlohmann::json names = nlohmann::json::array();
  for (const fs::path& file : folders.size() == 1 ? report_on(folders[0]) : report_across(folders, line.text("out")))
    names.push_back(file.string());
  if (line.common().json) {
    fmt::print("{}\n", nlohmann::json({{"files", names}}).dump());
  } else {
    for (const auto& file : names) fmt::print("{}\n", file.get<std::string>());
  }
}

}  // namespace thalweg
