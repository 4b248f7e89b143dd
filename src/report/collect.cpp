#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "io/json_member.h"
#include "io/strict_json.h"
#include "report/map_notes.h"
#include "report/map_values.h"
#include "report/rate_curve.h"
#include "report/report.h"
#include "report/window_maps.h"
#include "train/metrics.h"
#include "trajectory/folders.h"
#include "trajectory/run_name.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Returns null if the file does not exist. A damaged file is an error, since these files are written atomically.
json read_json_if_any(const fs::path& file) {
  if (!fs::exists(file)) return nullptr;
  return with_advice(
      "remove it (for an average, remove the run's own status.json too) and run the experiment again to recreate it",
      [&] { return read_json_file(file, ExitCode::kFailure); });
}

std::int64_t step_of(const json& line) {
  return line.value("step", std::int64_t{0});
}

// `prefix` precedes the names of the test values in a line.
EpochMetrics tested_epoch(const json& line, const std::string& prefix) {
  EpochMetrics m;
  m.step = step_of(line);
  m.epoch = number_or_nan(member(line, "epoch"));
  const std::string loss = prefix + "test_loss", accuracy = prefix + "test_accuracy";
  if (line.contains(loss)) m.test_loss = number_or_nan(line[loss]);
  if (line.contains(accuracy)) m.test_accuracy = number_or_nan(line[accuracy]);
  return m;
}

std::vector<EpochMetrics> epochs_of_run(const std::vector<json>& lines) {
  std::vector<EpochMetrics> epochs;
  for (const json& line : lines) {
    EpochMetrics& m = epochs.emplace_back(tested_epoch(line, ""));
    m.train_loss = number_or_nan(member(line, "train_loss"));
    m.train_accuracy = number_or_nan(member(line, "train_accuracy"));
  }
  return epochs;
}

// Returns the epochs with values of the average.
std::vector<EpochMetrics> epochs_of_average(const std::vector<json>& lines) {
  std::vector<EpochMetrics> epochs;
  for (const json& line : lines) {
    EpochMetrics m = tested_epoch(line, "average_");
    if (!m.test_loss && !m.test_accuracy) continue;
    m.train_loss = m.train_accuracy = std::nan("");
    epochs.push_back(m);
  }
  return epochs;
}

// After a resume from an earlier checkpoint some epochs occur twice; the later lines count.
std::vector<json> read_epoch_lines(const fs::path& file) {
  std::vector<json> epochs;
  if (!fs::exists(file)) return epochs;
  for (json& line : read_metric_lines(file, MetricsEnd::kMayBeTorn)) {
    if (line.at("kind") != "epoch") continue;
    while (!epochs.empty() && step_of(epochs.back()) >= step_of(line)) epochs.pop_back();
    epochs.push_back(std::move(line));
  }
  return epochs;
}

bool is_run_folder(const fs::path& folder) {
  return fs::exists(RunFolder{folder}.metrics()) || fs::exists(RunFolder{folder}.status());
}

json read_status(const fs::path& folder) {
  return read_json_if_any(RunFolder{folder}.status());
}

// Returns run.json, or null if it cannot be read: only the curve of the rate needs it.
json read_identity(const fs::path& folder) {
  try {
    return read_json_if_any(RunFolder{folder}.identity());
  } catch (const Error&) {
    return nullptr;
  }
}

RunSeries read_series(const fs::path& folder, const std::string& name, std::vector<EpochMetrics> epochs,
                      const json& status) {
  return {name,
          std::nullopt,
          std::move(epochs),
          member(status, "final"),
          read_json_if_any(RunFolder{folder}.measures()),
          member(status, "failure") == "diverged"};
}

struct ReadRun {
  RunSeries run;
  std::optional<RunSeries> average;
};

ReadRun read_run(const fs::path& folder, const std::string& name, const json& status) {
  const std::vector<json> lines = read_epoch_lines(RunFolder{folder}.metrics());
  ReadRun out{read_series(folder, name, epochs_of_run(lines), status), std::nullopt};
  if (const json fork = member(status, "fork_epoch"); fork.is_number()) out.run.fork_epoch = fork.get<double>();
  const std::int64_t last = out.run.epochs.empty() ? 0 : out.run.epochs.back().step;
  out.run.rates = rate_curve(read_identity(folder), status, last);
  const fs::path of_average = RunFolder{folder}.average().path;
  RunSeries average = read_series(of_average, average_name(name), epochs_of_average(lines), read_status(of_average));
  average.fork_epoch = out.run.fork_epoch;
  if (!average.epochs.empty() || !average.final_metrics.empty()) out.average = std::move(average);
  return out;
}

void add_run(ReadRun read, ReportData* data) {
  data->runs.push_back(std::move(read.run));
  if (read.average) data->averages.push_back(std::move(*read.average));
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  if (!fs::is_directory(folder)) return entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

// The experiment's own map of its PCA plane, pca.h5, is the main one; then come maps of other PCA planes, of windows,
// and all others.
int rank_of(const fs::path& file, const Surface& surface) {
  if (member(surface.provenance, "kind") != "pca") return 3;
  if (is_of_window(surface)) return 2;
  return file.stem() == "pca" ? 0 : 1;
}

Surface read_surface(const fs::path& file) {
  Surface surface = with_advice("repair or remove it; an experiment that is run again recreates its own maps",
                                [&] { return read_surface_hdf5(file); });
  surface.file = file.filename().string();
  return surface;
}

// Returns only finished lines, and only if the configuration asks for lines; others are left over from another one.
std::vector<Surface> read_lines(const fs::path& folder, const json& config) {
  std::vector<Surface> lines;
  if (member(member(config, "measures"), "line_points") == 0) return lines;
  for (const fs::path& file : sorted_entries(folder)) {
    if (file.extension() != ".h5") continue;
    Surface line = read_surface(file);
    if (!is_unfinished(line)) lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<Surface> read_surfaces(const fs::path& folder) {
  std::vector<std::pair<int, Surface>> ranked;
  for (const fs::path& file : sorted_entries(folder)) {
    if (file.extension() != ".h5") continue;
    Surface surface = read_surface(file);
    add_gap(surface);
    const int rank = rank_of(file, surface);
    ranked.emplace_back(rank, std::move(surface));
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Surface> surfaces;
  for (auto& [rank, surface] : ranked) surfaces.push_back(std::move(surface));
  return surfaces;
}

// If the configuration lists branches, folders that it does not name are left over from another configuration.
bool is_named(const json& config, const std::string& branch) {
  const json branches = member(config, "branches");
  return !branches.is_array() || std::any_of(branches.begin(), branches.end(),
                                             [&](const json& named) { return member(named, "name") == branch; });
}

void add_branches(const fs::path& folder, ReportData* data) {
  std::vector<ReadRun> branches;
  for (const fs::path& branch : sorted_entries(folder)) {
    const std::string name = branch.filename().string();
    if (fs::is_directory(branch) && is_named(data->config, name))
      branches.push_back(read_run(branch, name, read_status(branch)));
  }
  std::stable_sort(branches.begin(), branches.end(), [](const ReadRun& a, const ReadRun& b) {
    return a.run.fork_epoch.value_or(INFINITY) < b.run.fork_epoch.value_or(INFINITY);
  });
  for (ReadRun& branch : branches) add_run(std::move(branch), data);
}

}  // namespace

ReportData collect_report(const fs::path& experiment) {
  check(fs::is_directory(experiment), "{} is not a folder", experiment.string());
  const ExperimentFolder folder{experiment};
  ReportData data;
  data.config = read_json_if_any(folder.config());
  check(!data.config.is_object() || !data.config.contains("theory"),
        "{0} is a study of the theory: run `thalweg theory {0}/config.json --out {0}` to write its report.html",
        experiment.string());
  const fs::path main = folder.main_run().path;
  const bool has_main = fs::is_directory(main);
  const json status = read_status(has_main ? main : experiment);
  if (has_main) {
    add_run(read_run(main, kMainRun, status), &data);
  } else if (is_run_folder(experiment)) {
    const bool is_branch = member(status, "fork_epoch").is_number();
    add_run(read_run(experiment, is_branch ? fs::canonical(experiment).filename().string() : kMainRun, status), &data);
  }
  add_branches(folder.branches(), &data);
  data.surfaces = read_surfaces(folder.surfaces());
  data.lines = read_lines(folder.lines(), data.config);
  check(!data.config.is_null() || !data.runs.empty() || !data.surfaces.empty(),
        "{} is neither an experiment's nor a run's folder: expected it to contain config.json, main/, branches/, "
        "metrics.jsonl or surfaces/*.h5",
        experiment.string());
  data.provenance = member(status, "provenance");
  const json name = member(data.config, "name");
  data.title = name.is_string() && !name.get<std::string>().empty() ? name.get<std::string>()
                                                                    : fs::canonical(experiment).filename().string();
  return data;
}

}  // namespace thalweg
