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

// Writes the report of one experiment into its folder: a page per seed, and a summary across seeds.
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

// Writes the report across several experiments into `out`.
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
      "Writes report.html and figures from what an experiment's (or a run's) folder holds so far. For several "
      "experiments, writes a page, figures and claims over all of them into --out.",
      "DIR [DIR...]",
      "  thalweg report out/demo\n"
      "  thalweg report out/vgg out/mlp --out out/paper\n");
  line.add()("folders", "folders of experiments", cxxopts::value<std::vector<std::string>>(), "DIR")(
      "out", "the folder for a report over several experiments", cxxopts::value<std::string>(), "DIR");
  line.positional({"folders"});
  line.parse(argc, argv);
  if (!line.has("folders")) fail_usage("the experiment's folder is missing; see 'thalweg report --help'");
  const auto folders = line.texts("folders");
  if (folders.size() > 1 && !line.has("out")) fail_usage("a report over several experiments needs a folder: --out DIR");
  if (folders.size() == 1 && line.has("out"))
    fail_usage("the report of one experiment is written into its own folder; --out is for several experiments");
  for (std::size_t k = 0; k < folders.size(); ++k) {
    for (std::size_t i = 0; i < k; ++i) {
      std::error_code none;  // a missing folder is reported when it is read
      if (fs::equivalent(folders[i], folders[k], none))
        fail_usage("{} and {} are the same folder: name each experiment once", folders[i], folders[k]);
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
