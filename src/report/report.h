// The report of an experiment: one offline HTML file (with plotly embedded) and SVG figures beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "landscape/surface.h"

namespace thalweg {

// One line of metrics.jsonl with "kind": "epoch".
struct EpochMetrics {
  std::int64_t step = 0;
  double epoch = 0;
  double train_loss = 0;  // mean over the epoch's batches, as trained
  double train_accuracy = 0;
  std::optional<double> test_loss;  // absent if not evaluated after this epoch
  std::optional<double> test_accuracy;
};

// A corner of the curve of the learning rate.
struct RatePoint {
  double epoch = 0;
  double lr = 0;
};

struct RunSeries {
  std::string name;                  // "main", or the branch's name
  std::optional<double> fork_epoch;  // empty for the main path
  std::vector<EpochMetrics> epochs;
  // status.json's "final": {"train_loss", "train_accuracy", "test_loss", "test_accuracy"}.
  nlohmann::json final_metrics;
  nlohmann::json measures = nullptr;  // measures.json: {"weight_norm", "sharpness"}
  bool diverged = false;              // according to status.json
  std::vector<RatePoint> rates = {};  // report/rate_curve.h; empty for averages
};

struct ReportData {
  std::string title;
  nlohmann::json config;      // as resolved
  nlohmann::json provenance;  // version, commit, device, data digest, seeds, times
  std::vector<RunSeries> runs;
  // The averaged weights of the runs that have them, named average_name(run) (trajectory/run_name.h). Their epochs have
  // no train loss: NaN.
  std::vector<RunSeries> averages;
  std::vector<Surface> surfaces;  // the main one first; may be empty (a report before the landscape exists)
  // Values along straight lines between two sets of weights, which "points" of the provenance names: the ends of
  // branches (report/end_lines.h).
  std::vector<Surface> lines = {};
  std::string loss_label = "Loss (nats)";  // for the surfaces
};

// Reads a finished or unfinished experiment folder, or a single run's folder. Leaves out what does not exist yet and
// branches that the experiment's config.json does not name.
ReportData collect_report(const std::filesystem::path& experiment);

// Writes `folder`/report.html and `folder`/figures/*.svg, each atomically. Returns the paths written, report.html
// first.
std::vector<std::filesystem::path> write_report(const std::filesystem::path& folder, const ReportData& data);

}  // namespace thalweg
