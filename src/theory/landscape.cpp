#include "theory/landscape.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "base/console.h"
#include "base/error.h"
#include "landscape/grid.h"
#include "theory/figures.h"
#include "trajectory/build_plane.h"
#include "trajectory/folders.h"
#include "trajectory/projection.h"

namespace thalweg {
namespace {

constexpr std::int64_t kChunk = 1024;  // points per batch
constexpr double kColorDepth = 1e-6;   // of the largest loss: at a grid point the loss may be exactly 0

// The path of a shown cell. For a diagram, the cell with the latest decay is the main path, and the others begin at the
// last record that they share with it.
RunPath run_path(const TheoryStudy& study, const TheoryRuns& runs, const TheoryCell& cell, std::int64_t index,
                 bool main) {
  RunPath path;
  const bool branch = study.config.schedules.is_null() && !main;
  path.name = main ? kMainRun : branch ? fmt::format("decay-at-{}", *cell.decay_at) : cell.name;
  for (std::size_t r = 0; r < runs.steps.size(); ++r) {
    const at::Tensor weights = runs.paths[0][index][static_cast<std::int64_t>(r)].to(at::kFloat);
    const bool is_shared = r + 1 < runs.steps.size() && runs.steps[r + 1] <= *cell.decay_at;
    if (branch && is_shared) continue;
    if (!std::isfinite(weights.norm().item<double>())) break;
    SnapshotInfo info;
    info.step = runs.steps[r];
    info.epoch = static_cast<double>(info.step * study.config.draws()) / static_cast<double>(study.config.samples);
    info.lr = cell.schedule.lr(info.step);
    path.infos.push_back(info);
    path.weights.push_back(weights);
  }
  return path;
}

std::vector<WeightRow> rows_of(const std::vector<RunPath>& paths) {
  std::vector<WeightRow> rows;
  for (const RunPath& path : paths) {
    for (std::size_t k = 0; k < path.weights.size(); ++k)
      rows.push_back({path.name, path.infos[k].step, path.weights[k]});
  }
  return rows;
}

Plane pca_of(const std::vector<WeightRow>& rows) {
  const PcaResult pca = gram_pca(rows, std::vector<double>(rows.size(), 1.0 / static_cast<double>(rows.size())));
  Plane plane;
  plane.origin = pca.origin;
  plane.d1 = pca.d1;
  plane.d2 = pca.d2;
  plane.provenance = {{"kind", "pca"}, {"explained_variance", {pca.explained[0], pca.explained[1]}}};
  return plane;
}

// The weights that the paths are compared with.
std::vector<WeightRow> known_weights(const TheoryProblem& problem) {
  return {{"minimum-norm solution", 0, problem.solution.to(at::kFloat)}, {"w*", 0, problem.truth.to(at::kFloat)}};
}

// The plane through the minimum-norm solution, w* and the initial weights.
Plane solutions_plane(const TheoryProblem& problem) {
  const std::vector<WeightRow> known = known_weights(problem);
  const auto point = [](const WeightRow& row) { return PlanePoint{{.run = row.run}, row.weights}; };
  return points_plane({point(known[0]), point(known[1]), point({"initial", 0, problem.initial.to(at::kFloat)})},
                      at::zeros({0}), {});
}

// Projects the paths onto the plane and adds the marks to its provenance (report/map_panel.h). Returns the box that
// holds both.
GridRange place_on(Plane& plane, const std::vector<RunPath>& paths, const TheoryProblem& problem, double margin) {
  const std::vector<WeightRow> known = known_weights(problem);
  const std::vector<Projection> places = project_rows(plane, known);
  plane.path = project_runs(plane, paths);
  std::vector<PathPoint> all = plane.path;
  for (std::size_t k = 0; k < known.size(); ++k) {
    const Projection& at = places[k];
    plane.provenance["marks"].push_back(
        {{"name", known[k].run}, {"x", at.x}, {"y", at.y}, {"off_plane", at.off_plane}});
    all.push_back({known[k].run, 0, 0, 0, at.x, at.y, at.off_plane});
  }
  return fit_range(all, margin);
}

Surface map_surface(const TheoryStudy& study, const Plane& plane, const GridRange& range) {
  const Grid grid = make_grid(parse_grid_size(study.config.grid), range);
  Surface surface{grid.x, grid.y, {}, {}, plane.path, plane.provenance};
  surface.provenance["test_loss_name"] = "risk";
  std::vector<double>& train = surface.values["train_loss"];
  std::vector<double>& test = surface.values["test_loss"];
  const at::Tensor origin = plane.origin.to(at::kDouble), d1 = plane.d1.to(at::kDouble), d2 = plane.d2.to(at::kDouble);
  const at::Tensor x = at::tensor(grid.x, at::kDouble), y = at::tensor(grid.y, at::kDouble);
  const at::Tensor points = at::stack({x.repeat({y.size(0)}), y.repeat_interleave(x.size(0))}, 1);
  for (std::int64_t begin = 0; begin < points.size(0); begin += kChunk) {
    const at::Tensor part = points.slice(0, begin, std::min(begin + kChunk, points.size(0)));
    const TheoryLosses losses = theory_losses(study.problems[0], origin + part.mm(at::stack({d1, d2})));
    for (std::int64_t i = 0; i < part.size(0); ++i) {
      train.push_back(losses.train[i].item<double>());
      test.push_back(losses.test[i].item<double>());
    }
  }
  return surface;
}

}  // namespace

TheoryLosses theory_losses(const TheoryProblem& problem, const at::Tensor& weights) {
  const at::Tensor u = theory_u(weights, problem.gamma);
  return {(u.mm(problem.inputs.t()) - problem.labels).square().mean(1) / 2, (u - problem.target).square().sum(1) / 2};
}

Figure landscape_figure(ReportData data) {
  for (auto& [key, values] : data.surfaces[0].values) {
    const double floor = kColorDepth * *std::max_element(values.begin(), values.end());
    for (double& value : values) value = std::max(value, floor);
  }
  Figure figure = surface_figures(data).at(0);
  figure.name = "landscape.svg";
  return figure;
}

std::optional<ReportData> theory_landscape(const TheoryStudy& study, c10::Device device) {
  const std::vector<std::size_t> shown = shown_cells(study);
  if (study.config.plane == TheoryPlane::kNone || shown.empty()) return std::nullopt;
  const std::vector<TheoryProblem> first{study.problems[0]};
  TheoryRequest request{&study.config, &first, {}, device, true, {}};
  for (const std::size_t cell : shown) request.cells.push_back(study.cells[cell]);
  const TheoryRuns runs = simulate(request);
  ReportData data;
  data.title = study.config.name;
  data.loss_label = "Loss";
  std::vector<RunPath> paths;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const TheoryCell& cell = request.cells[i];
    const bool main = i + 1 == shown.size() && study.config.schedules.is_null();
    paths.push_back(run_path(study, runs, cell, static_cast<std::int64_t>(i), main));
    data.runs.push_back(
        {.name = paths.back().name, .fork_epoch = static_cast<double>(i), .epochs = {}, .final_metrics = {}});
  }
  Plane plane;
  try {
    plane = study.config.plane == TheoryPlane::kPca ? pca_of(rows_of(paths)) : solutions_plane(study.problems[0]);
  } catch (const Error& error) {
    say(fmt::format("note: there is no landscape, since its points define no plane: {}", error.what()));
    return std::nullopt;
  }
  const GridRange range = place_on(plane, paths, study.problems[0], study.config.margin);
  data.surfaces.push_back(map_surface(study, plane, range));
  return data;
}

}  // namespace thalweg
