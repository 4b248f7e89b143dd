// The report of an experiment: one offline HTML file (plotly embedded) and SVG figures beside it.
#pragma once

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
  double lr = 0;
  double train_loss = 0;  // mean over the epoch's batches, as trained
  double train_accuracy = 0;
  std::optional<double> test_loss;  // absent where the epoch was not evaluated
  std::optional<double> test_accuracy;
};

struct RunSeries {
  std::string name;                  // "main", or the branch's name
  std::optional<double> fork_epoch;  // empty for the main path
  std::vector<EpochMetrics> epochs;
  // status.json's "final": {"train_loss", "train_accuracy", "test_loss", "test_accuracy"}.
  nlohmann::json final_metrics;
  nlohmann::json measures = nullptr;  // measures.json: {"weight_norm", "sharpness"}
  bool diverged = false;              // by status.json
};

struct ReportData {
  std::string title;
  nlohmann::json config;      // as resolved
  nlohmann::json provenance;  // version, commit, device, data digest, seeds, times
  std::vector<RunSeries> runs;
  // The averaged weights of those runs that have them, named average_name(run) (trajectory/run_name.h). Their epochs
  // have neither rate nor train loss: NaN.
  std::vector<RunSeries> averages;
  std::vector<Surface> surfaces;  // first: the main one; may be empty (report before the landscape exists)
  // On straight lines between two sets of weights, which "points" of the provenance names: those of branches' ends
  // (report/end_lines.h).
  std::vector<Surface> lines = {};
  std::string loss_label = "Loss (nats)";  // of the surfaces
};

// Reads a finished or half-finished experiment folder; what is not there yet is left out, and so are branches that its
// config.json does not name. A single run's folder works too.
ReportData collect_report(const std::filesystem::path& experiment);

// Writes `folder`/report.html and `folder`/figures/*.svg, atomically each. Returns the paths written, report.html
// first.
std::vector<std::filesystem::path> write_report(const std::filesystem::path& folder, const ReportData& data);

}  // namespace thalweg
