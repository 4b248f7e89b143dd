#include "report/results.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.h"
#include "io/json_member.h"
#include "report/map_notes.h"
#include "report/map_paths.h"
#include "report/map_plane.h"
#include "report/minima.h"
#include "report/run_style.h"
#include "report/summary.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

constexpr double kSameEpoch = 1e-6;

const RunSeries* find_run(const ReportData& seed, const std::string& name) {
  const std::vector<RunSeries>& series = is_average(name) ? seed.averages : seed.runs;
  const auto found = std::find_if(series.begin(), series.end(), [&](const RunSeries& run) { return run.name == name; });
  return found == series.end() ? nullptr : &*found;
}

// On the first map, the distance from the run's end to the smallest test loss; NaN if the map is unfinished or shows no
// distances of weight space.
double distance_to_minimum(const ReportData& seed, const std::string& run) {
  if (seed.surfaces.empty()) return NAN;
  const Surface& surface = seed.surfaces.front();
  const bool measures = has_unit_directions(surface) && !is_one_row(surface);
  if (!surface.has("test_loss") || is_unfinished(surface) || !measures) return NAN;
  const Minima minima = find_minima(surface);
  if (!minima.test) return NAN;
  for (const std::vector<PathPoint>& path : paths_by_run(surface)) {
    if (path.front().run == run) return std::hypot(path.back().x - minima.test->x, path.back().y - minima.test->y);
  }
  return NAN;
}

double value_of(const ReportData& seed, const std::string& run, const std::string& key) {
  if (key == "distance") return distance_to_minimum(seed, run);
  if (key == "gap") return value_of(seed, run, "test_loss") - value_of(seed, run, "train_loss");
  const RunSeries* series = find_run(seed, run);
  if (series == nullptr) return NAN;
  const double final_value = number_or_nan(member(series->final_metrics, key));
  return std::isnan(final_value) ? number_or_nan(member(series->measures, key)) : final_value;
}

// Returns the run's own epochs after those of the main path before its fork; empty if the run diverged, since earlier
// values are not an outcome of its rate.
std::vector<EpochMetrics> whole_path(const ReportData& seed, const std::string& run) {
  const RunSeries* series = find_run(seed, run);
  if (series == nullptr || series->diverged) return {};
  std::vector<EpochMetrics> out;
  if (const RunSeries* main = find_run(seed, kMainRun); main != nullptr && series->fork_epoch) {
    for (const EpochMetrics& m : main->epochs) {
      if (m.epoch <= *series->fork_epoch + kSameEpoch) out.push_back(m);
    }
  }
  out.insert(out.end(), series->epochs.begin(), series->epochs.end());
  return out;
}

// Returns NaN if the run is not done.
double end_epoch_of(const ReportData& seed, const std::string& run) {
  const RunSeries* series = find_run(seed, run);
  const bool done = series != nullptr && !series->final_metrics.empty() && !series->epochs.empty();
  return done ? series->epochs.back().epoch : NAN;
}

bool is_of_all_seeds(const Surface& surface, const ReportData& experiment) {
  const auto sorted = [](const nlohmann::json& list) {
    auto seeds = list.get<std::vector<std::uint64_t>>();
    std::sort(seeds.begin(), seeds.end());
    return seeds;
  };
  const nlohmann::json seeds = member(surface.provenance, "run_seeds");
  return seeds.is_array() && sorted(seeds) == sorted(experiment.config.at("seeds"));
}

}  // namespace

const std::vector<Quantity>& quantities() {
  static const std::vector<Quantity> all = {{"test_accuracy", "Test accuracy (%)", 100, 2},
                                            {"test_loss", "Test loss (nats)", 1, 4},
                                            {"train_loss", "Train loss (nats)", 1, 4, true},
                                            {"gap", "Test minus train loss (nats)", 1, 4},
                                            {"distance", "Distance to the test minimum", 1, 3},
                                            {"weight_norm", "Weight norm", 1, 2},
                                            {"sharpness", "Sharpness", 1, 2, true}};
  return all;
}

Results collect_results(const fs::path& experiment) {
  Results out;
  if (!fs::is_directory(ExperimentFolder{experiment}.seeds())) {
    out.seeds.push_back(collect_report(experiment));
  } else {
    out.shared = collect_report(experiment);
    std::erase_if(out.shared.surfaces, [&](const Surface& surface) { return !is_of_all_seeds(surface, out.shared); });
    for (const fs::path& folder : seed_folders(experiment)) out.seeds.push_back(collect_report(folder));
    check(!out.seeds.empty(), "{}: none of its seeds has a folder in seeds/",
          ExperimentFolder{experiment}.config().string());
    out.config = out.shared.config;
  }
  out.title = out.seeds.front().title;
  if (out.config.is_null()) out.config = out.seeds.front().config;
  out.provenance = out.seeds.front().provenance;
  return out;
}

std::vector<SweepRun> sweep_of(const Results& results) {
  std::vector<SweepRun> out;
  for (const DecayRow& row : decay_rows(results.seeds)) {
    SweepRun run{row.name, row.fork_epoch, NAN, NAN, {}};
    for (const ReportData& seed : results.seeds) {
      run.end_epoch = std::fmin(run.end_epoch, end_epoch_of(seed, row.name));  // fmin and fmax ignore NaN
      run.last_end_epoch = std::fmax(run.last_end_epoch, end_epoch_of(seed, row.name));
      const RunSeries* series = find_run(seed, row.name);
      if (series != nullptr && series->diverged) ++run.num_diverged;
    }
    for (const Quantity& quantity : quantities()) {
      for (const ReportData& seed : results.seeds)
        run.values[quantity.key].push_back(value_of(seed, row.name, quantity.key));
    }
    out.push_back(std::move(run));
  }
  return out;
}

std::vector<double> finite_values(const std::vector<double>& values) {
  std::vector<double> out;
  std::copy_if(values.begin(), values.end(), std::back_inserter(out), [](double v) { return std::isfinite(v); });
  return out;
}

std::vector<EpochMetrics> evaluated_epochs(const ReportData& seed, const std::string& run) {
  std::vector<EpochMetrics> out;
  if (const RunSeries* series = find_run(seed, run)) {
    std::copy_if(series->epochs.begin(), series->epochs.end(), std::back_inserter(out),
                 [](const EpochMetrics& m) { return m.test_loss && m.test_accuracy; });
  }
  return out;
}

std::optional<double> test_value_at(const ReportData& seed, const std::string& run, double epoch, TestMetric metric) {
  for (const EpochMetrics& m : whole_path(seed, run)) {
    if (std::abs(m.epoch - epoch) < kSameEpoch) return m.*metric;
  }
  return std::nullopt;
}

std::optional<double> gap_at_end(const ReportData& seed, const std::string& run, double epoch) {
  if (!(std::abs(end_epoch_of(seed, run) - epoch) < kSameEpoch)) return std::nullopt;
  return value_of(seed, run, "gap");
}

std::optional<double> epoch_reaching(const ReportData& seed, const std::string& run, double accuracy) {
  for (const EpochMetrics& m : whole_path(seed, run)) {
    if (m.test_accuracy && *m.test_accuracy >= accuracy) return m.epoch;
  }
  return std::nullopt;
}

double evaluation_interval(const ReportData& seed, const std::string& run) {
  double last = 0, widest = 0;
  for (const EpochMetrics& m : whole_path(seed, run)) {
    if (!m.test_accuracy) continue;
    widest = std::max(widest, m.epoch - last);
    last = m.epoch;
  }
  return widest;
}

}  // namespace thalweg
