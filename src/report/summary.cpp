#include "report/summary.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <tuple>

#include "base/error.h"
#include "io/json_member.h"
#include "report/levels.h"
#include "trajectory/window_planes.h"

namespace thalweg {
namespace {

std::optional<double> finite_number(const nlohmann::json& object, const char* key) {
  const double value = number_or_nan(member(object, key));
  return std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
}

// Branches in the order of colours: by fork epoch, then name; runs that only the path knows come after.
std::vector<std::string> branch_order(const ReportData& data) {
  std::vector<const RunSeries*> runs;
  for (const RunSeries& run : data.runs) {
    if (!is_main(run.name)) runs.push_back(&run);
  }
  std::stable_sort(runs.begin(), runs.end(), [](const RunSeries* a, const RunSeries* b) {
    return std::tuple(a->fork_epoch.value_or(0), a->name) < std::tuple(b->fork_epoch.value_or(0), b->name);
  });
  std::vector<std::string> names;
  const auto add = [&](const std::string& run) {
    const std::string name = split_run_name(run).run;
    if (name != "main" && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const RunSeries* run : runs) add(run->name);
  for (const Surface& surface : data.surfaces) {
    for (const PathPoint& point : surface.path) add(point.run);
  }
  return names;
}

std::string epoch_phrase(const DecayRow& row) {
  if (is_average(row.name)) {
    return row.fork_epoch ? fmt::format("the average of the branch at epoch {}", short_number(*row.fork_epoch))
                          : "the average of the main path";
  }
  if (row.fork_epoch) return fmt::format("decaying at epoch {}", short_number(*row.fork_epoch));
  return is_main(row.name) ? "the main path, without an early decay" : row.name;
}

// The best of a column, if any row has it.
const DecayRow* best_row(const std::vector<DecayRow>& rows,
                         const std::function<std::optional<double>(const DecayRow&)>& cost) {
  const DecayRow* best = nullptr;
  for (const DecayRow& row : rows) {
    if (cost(row) && (best == nullptr || *cost(row) < *cost(*best))) best = &row;
  }
  return best;
}

std::string compared_times(const std::vector<DecayRow>& rows) {
  std::size_t branches = 0, averages = 0;
  for (const DecayRow& row : rows) {
    if (!row.test_loss) continue;
    if (is_average(row.name)) {
      ++averages;
    } else if (row.fork_epoch) {
      ++branches;
    }
  }
  if (branches < 2) return "";
  const std::string more = averages == 0 ? "" : fmt::format(" and {} average{}", averages, averages == 1 ? "" : "s");
  return fmt::format(" (of {} decay times{} compared)", branches, more);
}

void add_decay_findings(const std::vector<DecayRow>& rows, std::vector<std::string>* out) {
  const DecayRow* loss = best_row(rows, [](const DecayRow& r) { return r.test_loss; });
  const DecayRow* accuracy = best_row(rows, [](const DecayRow& r) {
    return r.test_accuracy ? std::optional<double>(-*r.test_accuracy) : std::nullopt;
  });
  if (rows.size() < 2) {
    if (loss != nullptr) out->push_back(fmt::format("The final test loss is {:.4f}.", *loss->test_loss));
    if (accuracy != nullptr) {
      out->push_back(fmt::format("The final test accuracy is {:.2f} %.", 100 * *accuracy->test_accuracy));
    }
    return;
  }
  if (loss != nullptr) {
    out->push_back(fmt::format("Lowest final test loss: {:.4f}, from {}{}.", *loss->test_loss, epoch_phrase(*loss),
                               compared_times(rows)));
  }
  if (accuracy != nullptr) {
    out->push_back(fmt::format("Highest final test accuracy: {:.2f} %, from {}.", 100 * *accuracy->test_accuracy,
                               epoch_phrase(*accuracy)));
  }
}

bool is_end(const std::vector<double>& axis, double at) {
  return axis.size() > 1 && (at == axis.front() || at == axis.back());
}

bool on_edge(const Surface& s, const SurfaceMinimum& m) {
  return is_end(s.x, m.x) || is_end(s.y, m.y);
}

// "a@0" of a plane's points; empty where the provenance has none.
std::string point_name(const nlohmann::json& provenance, std::size_t index) {
  const nlohmann::json points = member(provenance, "points");
  if (!points.is_array() || points.size() <= index || !points[index].is_object()) return "";
  return fmt::format("{}@{}", points[index].value("run", ""), points[index].value("step", 0));
}

// Those whose runs' paths the map holds; one empty name where its runs carry no seed.
std::set<std::string> seeds_of(const Surface& surface) {
  std::set<std::string> seeds;
  for (const PathPoint& point : surface.path) seeds.insert(split_run_name(point.run).seed);
  return seeds;
}

// Of the path that comes nearest to the minimum.
std::string nearest_seed(const Surface& surface, const SurfaceMinimum& m) {
  const auto distance = [&](const PathPoint& p) { return std::hypot(p.x - m.x, p.y - m.y); };
  const auto nearest =
      std::min_element(surface.path.begin(), surface.path.end(),
                       [&](const PathPoint& a, const PathPoint& b) { return distance(a) < distance(b); });
  return split_run_name(nearest->run).seed;
}

std::optional<SurfaceMinimum> minimum_if_any(const Surface& surface, const std::string& key) {
  const auto found = surface.values.find(key);
  if (found == surface.values.end()) return std::nullopt;
  if (std::none_of(found->second.begin(), found->second.end(), [](double v) { return std::isfinite(v); })) {
    return std::nullopt;
  }
  return surface_minimum(surface, key);
}

}  // namespace

bool is_main(const std::string& run) {
  const RunName name = split_run_name(run);
  return name.run == "main" && !name.is_average;
}

bool is_average(const std::string& run) {
  return split_run_name(run).is_average;
}

std::string run_label(const RunName& name) {
  const bool main = name.run == "main";
  std::string label = main ? "main path" : name.run;
  if (name.is_average) label = fmt::format("average of {}{}", main ? "the " : "", label);
  return name.seed.empty() ? label : fmt::format("{}, seed {}", label, name.seed);
}

std::vector<DecayRow> decay_rows(const ReportData& data) {
  std::vector<DecayRow> rows;
  for (const std::vector<RunSeries>* series : {&data.runs, &data.averages}) {
    for (const RunSeries& run : *series) {
      const nlohmann::json& m = run.final_metrics;
      rows.push_back({run.name, run.fork_epoch, finite_number(m, "train_loss"), finite_number(m, "train_accuracy"),
                      finite_number(m, "test_loss"), finite_number(m, "test_accuracy")});
    }
  }
  const auto place = [](const DecayRow& row) {
    const RunName name = split_run_name(row.name);
    return std::tuple(row.fork_epoch.value_or(INFINITY), name.run, name.is_average);
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const DecayRow& a, const DecayRow& b) { return place(a) < place(b); });
  return rows;
}

bool is_line(const Surface& surface) {
  return surface.x.size() == 1 || surface.y.size() == 1;
}

Minima find_minima(const Surface& surface) {
  Minima m;
  m.train = minimum_if_any(surface, "train_loss");
  m.test = minimum_if_any(surface, "test_loss");
  if (m.train && m.test) m.distance = std::hypot(m.train->x - m.test->x, m.train->y - m.test->y);
  m.test_on_edge = m.test && on_edge(surface, *m.test);
  m.on_edge = m.test_on_edge || (m.train && on_edge(surface, *m.train));
  return m;
}

std::string distance_unit(const Surface& surface) {
  const nlohmann::json kind = member(surface.provenance, "kind");
  return kind == "pca" || kind == "points" || kind == "line" ? "in weight space" : "in units of the directions";
}

std::string minima_sentence(const Surface& surface) {
  const Minima m = find_minima(surface);
  const auto place = [](const SurfaceMinimum& at) {
    return fmt::format("{:.4g} at ({:.4g}, {:.4g})", at.value, at.x, at.y);
  };
  std::string text;
  if (m.train && m.test && *m.distance == 0) {
    text = fmt::format(
        "On the map, train loss, {:.4g}, and test loss, {:.4g}, have their minima at one grid point, ({:.4g}, {:.4g}).",
        m.train->value, m.test->value, m.train->x, m.train->y);
  } else if (m.train && m.test && seeds_of(surface).size() > 1) {
    text = fmt::format(
        "On the map of the paths of {} seeds, train loss has its minimum, {}, nearest to a path of seed {}, and test "
        "loss its own, {}, nearest to one of seed {}.",
        seeds_of(surface).size(), place(*m.train), nearest_seed(surface, *m.train), place(*m.test),
        nearest_seed(surface, *m.test));
  } else if (m.train && m.test) {
    text =
        fmt::format("On the map, train loss has its minimum, {}, and test loss its own, {}: they are {:.4g} apart {}.",
                    place(*m.train), place(*m.test), *m.distance, distance_unit(surface));
  } else if (m.train || m.test) {
    text = fmt::format("On the map, {} loss has its minimum, {}.", m.train ? "train" : "test",
                       place(m.train ? *m.train : *m.test));
  }
  if (m.on_edge) text += " A minimum lies on the border of the map: a lower value may lie outside.";
  return text;
}

std::vector<std::string> findings(const ReportData& data) {
  std::vector<std::string> out;
  add_decay_findings(decay_rows(data), &out);
  if (!data.surfaces.empty()) {
    if (std::string text = minima_sentence(data.surfaces.front()); !text.empty()) out.push_back(std::move(text));
  }
  return out;
}

std::string plane_axis_label(const Surface& surface, std::size_t axis) {
  const nlohmann::json &p = surface.provenance, kind = member(p, "kind"), variance = member(p, "explained_variance");
  if (kind == "line" && axis == 0) {
    return fmt::format("Distance from {} towards {}", point_name(p, 0), point_name(p, 1));
  }
  std::string label = fmt::format("{} {}", kind == "pca" ? "PC" : "Direction", axis + 1);
  if (variance.is_array() && variance.size() > axis && variance[axis].is_number()) {
    label += fmt::format(" (explains {:.3g} %)", 100 * variance[axis].get<double>());
  }
  return label;
}

std::vector<std::vector<PathPoint>> paths_by_run(const Surface& surface) {
  std::vector<std::vector<PathPoint>> paths;
  for (const PathPoint& point : surface.path) {
    const auto found =
        std::find_if(paths.begin(), paths.end(), [&](const auto& p) { return p.front().run == point.run; });
    if (found == paths.end()) {
      paths.push_back({point});
    } else {
      found->push_back(point);
    }
  }
  for (auto& path : paths) {
    std::stable_sort(path.begin(), path.end(), [](const PathPoint& a, const PathPoint& b) { return a.step < b.step; });
  }
  std::stable_sort(paths.begin(), paths.end(), [](const auto& a, const auto& b) {
    return std::tuple(!is_main(a.front().run), a.front().step) < std::tuple(!is_main(b.front().run), b.front().step);
  });
  return paths;
}

const PathPoint* fork_point(const std::vector<std::vector<PathPoint>>& paths, const std::vector<PathPoint>& branch) {
  const PathPoint* fork = nullptr;
  const RunName name = split_run_name(branch.front().run);
  if (name.run == "main" || name.is_average) return nullptr;
  for (const auto& path : paths) {
    if (!is_main(path.front().run) || split_run_name(path.front().run).seed != name.seed) continue;
    for (const PathPoint& p : path) {
      if (p.step <= branch.front().step) fork = &p;
    }
  }
  return fork;
}

double off_plane_limit(const Surface& surface) {
  const std::vector<PathPoint> path = fitted_points(surface.path, surface.provenance);
  if (path.empty()) return 0;
  const auto [left, right] =
      std::minmax_element(path.begin(), path.end(), [](const PathPoint& a, const PathPoint& b) { return a.x < b.x; });
  const auto [low, high] =
      std::minmax_element(path.begin(), path.end(), [](const PathPoint& a, const PathPoint& b) { return a.y < b.y; });
  return 0.5 * std::hypot(right->x - left->x, high->y - low->y);
}

std::size_t num_not_finite(const Surface& surface) {
  std::vector<bool> bad(surface.x.size() * surface.y.size(), false);
  const auto cell = surface.values.find("cell");
  for (const char* key : {"train_loss", "train_acc", "test_loss", "test_acc"}) {
    const auto found = surface.values.find(key);
    if (found == surface.values.end()) continue;
    for (std::size_t i = 0; i < found->second.size() && i < bad.size(); ++i) {
      const bool missing = cell != surface.values.end() && cell->second[i] == static_cast<double>(Cell::kMissing);
      if (!std::isfinite(found->second[i]) && !missing) bad[i] = true;
    }
  }
  return static_cast<std::size_t>(std::count(bad.begin(), bad.end(), true));
}

LineStyle run_style(const ReportData& data, const std::string& run) {
  const RunName name = split_run_name(run);
  LineStyle style{kMainColor, ""};
  if (name.run != "main") {
    const std::vector<std::string> order = branch_order(data);
    const auto found = std::find(order.begin(), order.end(), name.run);
    style = branch_style(static_cast<std::size_t>(found - order.begin()));
  }
  return name.is_average ? average_style(style) : style;
}

}  // namespace thalweg
