// What the report says in words and tables, computed once for the page and the figures.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "report/colors.h"
#include "report/report.h"
#include "trajectory/run_name.h"

namespace thalweg {

// One run as a row: when its rate was reduced and where it ended. Accuracies are fractions.
struct DecayRow {
  std::string name;
  std::optional<double> fork_epoch;  // empty: the main path, never reduced by a branch
  std::optional<double> train_loss;
  std::optional<double> train_accuracy;
  std::optional<double> test_loss;
  std::optional<double> test_accuracy;
};
// By fork epoch, the main path last, each average behind its run. A value that is absent or not finite is empty.
std::vector<DecayRow> decay_rows(const ReportData& data);

// One row or one column of points: a map along a line.
bool is_line(const Surface& surface);

// The smallest losses on the map and how far apart they lie.
struct Minima {
  std::optional<SurfaceMinimum> train;
  std::optional<SurfaceMinimum> test;
  std::optional<double> distance;
  bool on_edge = false;       // one of them lies on the border of the map: the true one may be outside
  bool test_on_edge = false;  // that of the test loss does
};
Minima find_minima(const Surface& surface);
// "in weight space" where d1 and d2 are unit vectors (PCA, points and line planes), else "in units of the directions".
std::string distance_unit(const Surface& surface);
// One sentence or two on the minima; empty without a finite loss. On a map of several seeds' runs, whose valleys are
// their own, whose path each is nearest to in place of how far apart they are.
std::string minima_sentence(const Surface& surface);

// The headline findings, a sentence each: which decay time gives the best test loss and accuracy, the minima.
std::vector<std::string> findings(const ReportData& data);

// "PC 1 (explains 71 %)", "Distance from a@0 towards b@96" or "Direction 1"; axis is 0 or 1.
std::string plane_axis_label(const Surface& surface, std::size_t axis);
// The surface's path, run by run: the main path first, then by the step at which each begins.
std::vector<std::vector<PathPoint>> paths_by_run(const Surface& surface);
// The point of its seed's main path from which a branch went off: the last that is not after the branch's first; null
// if none, and for a main path or an average, which go off from nowhere.
const PathPoint* fork_point(const std::vector<std::vector<PathPoint>>& paths, const std::vector<PathPoint>& branch);
// A path point farther than this from the plane is drawn fainter, for its place there says little: half the diagonal of
// the bounding box of all paths, or of its window's part of one.
double off_plane_limit(const Surface& surface);
// Points of the map (a point counts once) whose loss or accuracy is not finite; those not evaluated yet do not count.
std::size_t num_not_finite(const Surface& surface);

// The same run has the same colour in every figure: main black, branches by fork epoch.
LineStyle run_style(const ReportData& data, const std::string& run);
// Of any seed.
bool is_main(const std::string& run);
bool is_average(const std::string& run);
// "main path", "decay-at-2", "average of the main path, seed 4".
std::string run_label(const RunName& name);

}  // namespace thalweg
