// A made-up experiment: a curved valley, a main path that drifts along it, and branches that drop to its floor.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "report/report.h"
#include "trajectory/run_name.h"

namespace thalweg {

inline double synthetic_loss(double x, double y, bool test) {
  const double centre = test ? 2.4 : 0.6;  // the test minimum lies farther along the valley
  const double floor = test ? 0.45 : 0.004, bend = y - 0.12 * x * x + 0.4;
  return floor + 0.9 * bend * bend + 0.02 * (x - centre) * (x - centre) * (test ? 2 : 0.3) +
         0.0005 * std::pow(x * x + y * y, 2);
}

inline void add_synthetic_run(const std::string& name, double fork, double last, ReportData* data) {
  const bool main = name == "main";
  RunSeries run{name, main ? std::nullopt : std::optional<double>(fork), {}, nullptr};
  for (double epoch = main ? 0 : fork; epoch <= last; epoch += 1) {
    const double progress = std::min(epoch, main ? last : fork + (epoch - fork) / 6) / 80;
    const double noise = main ? 0.45 : 0.45 * std::exp(-(epoch - fork) / 1.5);
    const double x = -3.6 + 6.4 * std::sqrt(progress),
                 y = 0.12 * x * x - 0.4 + noise * std::sin(2.3 * epoch) + 3 * std::exp(-epoch / 2.5);
    const double lr = main ? 0.1 : 0.01;
    const auto step = static_cast<std::int64_t>(390 * epoch);
    if (epoch > fork || main) {
      EpochMetrics m{step, epoch, synthetic_loss(x, y, false) + (main ? 0.05 : 0.002), 0.9, {}, {}};
      if (static_cast<int>(epoch) % 2 == 0) m.test_loss = synthetic_loss(x, y, true);
      if (m.test_loss) m.test_accuracy = 0.95 - 0.1 * *m.test_loss;
      run.epochs.push_back(m);
    }
    data->surfaces[0].path.push_back({name, step, epoch, lr, x, y, 0.4 + 0.02 * epoch});
    run.final_metrics = {{"train_loss", synthetic_loss(x, y, false)},
                         {"train_accuracy", 0.99},
                         {"test_loss", synthetic_loss(x, y, true)},
                         {"test_accuracy", 0.95 - 0.1 * synthetic_loss(x, y, true)}};
  }
  run.rates = {{fork, main ? 0.1 : 0.01}, {last, main ? 0.1 : 0.01}};
  data->runs.push_back(std::move(run));
}

// The branches' forks are evenly spaced up to epoch 60.
inline ReportData synthetic_report(int num_branches, std::size_t num_grid = 31) {
  ReportData data;
  data.title = "VGG-11 on CIFAR-10: late decay";
  data.config = {{"name", data.title}, {"model", "vgg11"}, {"train", {{"lr", 0.1}, {"batch", 128}}}};
  data.provenance = {{"version", "0.1.0"}, {"commit", "0123456789ab"}, {"device", "CPU, 2 threads"}, {"seed", 1}};
  Surface surface;
  for (std::size_t i = 0; i < num_grid; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(num_grid - 1);
    surface.x.push_back(-4.5 + 9 * t);
    surface.y.push_back(-2.5 + 6.5 * t);
  }
  for (const double y : surface.y) {
    for (const double x : surface.x) {
      for (const bool test : {false, true}) {
        const double loss = synthetic_loss(x, y, test);
        surface.values[test ? "test_loss" : "train_loss"].push_back(loss);
        surface.values[test ? "test_acc" : "train_acc"].push_back(100 * std::exp(-0.3 * loss));
      }
    }
  }
  surface.provenance = {{"kind", "pca"},
                        {"explained_variance", {0.71, 0.14}},
                        {"random_walk_variance", {0.608, 0.152}},
                        {"landscape",
                         {{"bn", "recompute"},
                          {"images", {{"train", 50000}, {"test", 10000}}},
                          {"precision", "float32"},
                          {"device", "CPU"},
                          {"seconds", 812.4}}}};
  data.surfaces.push_back(surface);
  add_synthetic_run("main", 0, 80, &data);
  for (int k = 1; k <= num_branches; ++k) {
    const double fork = std::floor(60.0 * k / num_branches);
    add_synthetic_run("decay-at-" + std::to_string(static_cast<int>(fork)), fork, fork + 20, &data);
  }
  return data;
}

// Adds flat lines of five points between the branches' ends, and lines of two points from the forks that descend by 1.
inline void add_synthetic_lines(ReportData* data) {
  const auto add = [&](const std::string& from, const std::string& to, const std::vector<double>& loss) {
    Surface line;
    line.y = {0};
    for (std::size_t i = 0; i < loss.size(); ++i) line.x.push_back(static_cast<double>(i));
    line.values = {{"train_loss", loss}, {"test_loss", loss}};
    line.provenance = {{"kind", "line"}, {"points", {{{"run", from}, {"step", 1}}, {{"run", to}, {"step", 2}}}}};
    data->lines.push_back(std::move(line));
  };
  std::string before;
  for (const RunSeries& run : data->runs) {
    if (!run.fork_epoch) continue;
    add(run.name, run.name, {1.25, 0.25});
    if (!before.empty()) add(before, run.name, std::vector(5, 0.25));
    before = run.name;
  }
}

// Adds an average for each run, with half of its losses and half of its distance across the valley.
inline void add_synthetic_averages(ReportData* data) {
  for (RunSeries average : data->runs) {
    average.name = average_name(average.name);
    average.rates.clear();
    for (EpochMetrics& m : average.epochs) {
      m.train_loss = m.train_accuracy = std::nan("");
      if (m.test_loss) m.test_loss = *m.test_loss / 2;
    }
    for (const char* key : {"train_loss", "test_loss"})
      average.final_metrics[key] = average.final_metrics[key].get<double>() / 2;
    data->averages.push_back(std::move(average));
  }
  const std::vector<PathPoint> path = data->surfaces[0].path;
  for (PathPoint point : path) {
    point.run = average_name(point.run);
    point.y /= 2;
    data->surfaces[0].path.push_back(point);
  }
}

}  // namespace thalweg
