#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "io/atomic_file.h"
#include "report/map_values.h"
#include "report/report.h"
#include "report/summary.h"
#include "report/window_maps.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A JSON file of the folder; null if there is none. A damaged one is an error: these files are written whole.
json read_json_if_any(const fs::path& file) {
  if (!fs::exists(file)) return nullptr;
  json value = json::parse(read_file(file), nullptr, false, true);
  check(!value.is_discarded(), "{} is not valid JSON", file.string());
  return value;
}

// Not-a-number has no JSON form; writers put null there.
double number_or_nan(const json& value) {
  return value.is_number() ? value.get<double>() : std::nan("");
}

EpochMetrics epoch_metrics(const json& line) {
  EpochMetrics m;
  m.step = line.value("step", std::int64_t{0});
  m.epoch = number_or_nan(line.value("epoch", json()));
  m.lr = number_or_nan(line.value("lr", json()));
  m.train_loss = number_or_nan(line.value("train_loss", json()));
  m.train_accuracy = number_or_nan(line.value("train_accuracy", json()));
  if (line.contains("test_loss")) m.test_loss = number_or_nan(line["test_loss"]);
  if (line.contains("test_accuracy")) m.test_accuracy = number_or_nan(line["test_accuracy"]);
  return m;
}

// The last line may be torn (a run that was killed, or is writing just now); any other damage is an error. After a
// resume from an earlier checkpoint some epochs stand there twice: the later ones count.
std::vector<EpochMetrics> read_metrics(const fs::path& file) {
  std::vector<EpochMetrics> epochs;
  if (!fs::exists(file)) return epochs;
  const std::string text = read_file(file);
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const json value = json::parse(line, nullptr, false);
    if (value.is_discarded() && begin >= text.size()) break;
    check(value.is_object(), "{}: line {} is not a JSON object", file.string(), number);
    if (value.value("kind", json()) != "epoch") continue;
    const EpochMetrics m = epoch_metrics(value);
    while (!epochs.empty() && epochs.back().step >= m.step) epochs.pop_back();
    epochs.push_back(m);
  }
  return epochs;
}

bool is_run_folder(const fs::path& folder) {
  return fs::exists(folder / "metrics.jsonl") || fs::exists(folder / "status.json");
}

RunSeries read_run(const fs::path& folder, const std::string& name, json* status) {
  *status = read_json_if_any(folder / "status.json");
  RunSeries run{name, std::nullopt, read_metrics(folder / "metrics.jsonl"), nullptr,
                read_json_if_any(folder / "measures.json")};
  if (status->is_object()) {
    run.final_metrics = status->value("final", json());
    if (const json fork = status->value("fork_epoch", json()); fork.is_number()) run.fork_epoch = fork.get<double>();
  }
  return run;
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  if (!fs::is_directory(folder)) return entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

// The experiment's own map of its PCA plane, pca.h5, is what the report is about; then those of other PCA planes, of
// windows, and the rest.
int rank_of(const fs::path& file, const Surface& surface) {
  if (member(surface.provenance, "kind") != "pca") return 3;
  if (is_of_window(surface)) return 2;
  return file.stem() == "pca" ? 0 : 1;
}

std::vector<Surface> read_surfaces(const fs::path& folder) {
  std::vector<std::pair<int, Surface>> ranked;
  for (const fs::path& file : sorted_entries(folder)) {
    if (file.extension() != ".h5") continue;
    Surface surface = read_surface_hdf5(file);
    add_gap(surface);
    const int rank = rank_of(file, surface);
    ranked.emplace_back(rank, std::move(surface));
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Surface> surfaces;
  for (auto& [rank, surface] : ranked) surfaces.push_back(std::move(surface));
  return surfaces;
}

void add_branches(const fs::path& folder, ReportData* data) {
  std::vector<RunSeries> branches;
  for (const fs::path& branch : sorted_entries(folder)) {
    json status;
    if (fs::is_directory(branch)) branches.push_back(read_run(branch, branch.filename().string(), &status));
  }
  std::stable_sort(branches.begin(), branches.end(), [](const RunSeries& a, const RunSeries& b) {
    return a.fork_epoch.value_or(INFINITY) < b.fork_epoch.value_or(INFINITY);
  });
  std::move(branches.begin(), branches.end(), std::back_inserter(data->runs));
}

}  // namespace

ReportData collect_report(const fs::path& experiment) {
  check(fs::is_directory(experiment), "{} is not a folder", experiment.string());
  ReportData data;
  data.config = read_json_if_any(experiment / "config.json");
  check(!data.config.is_object() || !data.config.contains("theory"),
        "{0} is a study of the theory: its report.html comes of `thalweg theory {0}/config.json --out {0}`",
        experiment.string());
  json status;
  if (fs::is_directory(experiment / "main")) {
    data.runs.push_back(read_run(experiment / "main", "main", &status));
  } else if (is_run_folder(experiment)) {
    data.runs.push_back(read_run(experiment, "main", &status));
    if (data.runs[0].fork_epoch) data.runs[0].name = fs::canonical(experiment).filename().string();
  }
  add_branches(experiment / "branches", &data);
  data.surfaces = read_surfaces(experiment / "surfaces");
  check(!data.config.is_null() || !data.runs.empty() || !data.surfaces.empty(),
        "{} is neither an experiment's nor a run's folder: expected config.json, main/, branches/, metrics.jsonl or "
        "surfaces/*.h5 in it",
        experiment.string());
  if (status.is_object()) data.provenance = status.value("provenance", json());
  const json name = data.config.is_object() ? data.config.value("name", json()) : nullptr;
  data.title = name.is_string() && !name.get<std::string>().empty() ? name.get<std::string>()
                                                                    : fs::canonical(experiment).filename().string();
  return data;
}

}  // namespace thalweg
