#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "io/json_member.h"
#include "report/axes.h"
#include "report/decay_comparison.h"
#include "report/levels.h"
#include "report/map_notes.h"
#include "report/map_paths.h"
#include "report/map_plane.h"
#include "report/map_values.h"
#include "report/minima.h"
#include "report/page.h"
#include "report/run_style.h"
#include "trajectory/folders.h"

namespace thalweg {
namespace {

using nlohmann::json;

// The limit for one surface in the page: about 2 MB of text.
constexpr std::size_t kMaxNumbers = 300'000;

// Five digits are more than a plot shows, and take a third of the bytes.
json short_numbers(const std::vector<double>& values) {
  json out = json::array();
  for (const double v : values) out.push_back(std::isfinite(v) ? json(std::stod(fmt::format("{:.5g}", v))) : json());
  return out;
}

json numbers(const std::vector<double>& values) {
  json out = json::array();
  for (const double v : values) out.push_back(number_or_null(v));
  return out;
}

// Converts a dash pattern of the figures to Plotly's notation: "7px,3px".
std::string plotly_dash(const std::string& dash) {
  if (dash.empty()) return "solid";
  std::string text;
  for (const char c : dash) text += c == ' ' ? "px," : std::string(1, c);
  return text + "px";
}

json named_run(const ReportData& data, const std::string& name) {
  const LineStyle style = run_style(data, name);
  const RunName split = split_run_name(name);
  return {{"name", name},
          {"label", run_label(split)},
          {"main", split.run == kMainRun},
          {"average", split.is_average},
          {"color", style.color},
          {"dash", plotly_dash(style.dash)}};
}

// `trained`: the points are a training's, not those that the plane was laid through.
json path_json(const ReportData& data, const std::vector<std::vector<PathPoint>>& paths,
               const std::vector<PathPoint>& path, bool trained) {
  json out = named_run(data, path.front().run);
  for (const char* key : {"x", "y", "step", "epoch", "lr", "off_plane"}) out[key] = json::array();
  for (const PathPoint& p : path) {
    out["x"].push_back(number_or_null(p.x));
    out["y"].push_back(number_or_null(p.y));
    out["step"].push_back(p.step);
    out["epoch"].push_back(number_or_null(p.epoch));
    out["lr"].push_back(trained ? number_or_null(p.lr) : json());  // weights files do not name theirs
    out["off_plane"].push_back(number_or_null(p.off_plane));
  }
  const PathPoint* fork = trained ? fork_point(paths, path) : nullptr;
  if (fork != nullptr) out["fork"] = {number_or_null(fork->x), number_or_null(fork->y)};
  return out;
}

json minimum_json(const std::optional<SurfaceMinimum>& m) {
  return m ? json{{"x", m->x}, {"y", m->y}, {"value", m->value}} : json();
}

const char* name_of(Shade shade) {
  switch (shade) {
    case Shade::kLowIsLight:
      return "low";
    case Shade::kHighIsLight:
      return "high";
    case Shade::kDiverging:
      return "diverging";
  }
  fail("unknown shade");
}

json scale_json(const MapValue& value) {
  const LevelScale scale = scale_of(value, 24);
  const bool can_log = value.shade == Shade::kLowIsLight && scale.low > 0 && scale.high > scale.low;
  return {{"log", scale.log},
          {"can_log", can_log},
          {"low", scale.low},
          {"high", scale.high},
          {"ticks", numbers(can_log ? round_log_steps(scale.low, scale.high, 9) : std::vector<double>())},
          {"linear_ticks", numbers(round_steps(scale.low, scale.high, 8))}};
}

// Adds the value's numbers to `values`; returns the description of how to show it.
json value_json(const MapValue& value, json& values) {
  json out{{"name", value.name},         {"group", value.group},
           {"unit", value.unit},         {"shade", name_of(value.shade)},
           {"scale", scale_json(value)}, {"panels", json::array()}};
  for (const MapPanel& panel : value.panels) {
    values[panel.key] = short_numbers(panel.values);
    out["panels"].push_back({{"key", panel.key}, {"split", panel.split}, {"title", panel.title}});
  }
  return out;
}

json cells_json(const Surface& surface) {
  if (is_all_exact(surface)) return nullptr;
  json out = json::array();
  for (const double kind : surface.values.at("cell")) out.push_back(static_cast<int>(kind));
  return out;
}

json surface_json(const ReportData& data, const Surface& surface) {
  json out{{"x", numbers(surface.x)},
           {"y", numbers(surface.y)},
           {"axes", {plane_axis_label(surface, 0), plane_axis_label(surface, 1)}},
           {"line", is_one_row(surface)},
           {"trainings", has_trainings(surface)},
           {"cell", cells_json(surface)},
           {"off_plane_limit", number_or_null(off_plane_limit(surface))},
           {"values", json::object()},
           {"shown", json::array()},
           {"paths", json::array()}};
  std::size_t left_out = 0;
  for (const MapValue& value : map_values(surface, kMaxNumbers, &left_out)) {
    out["shown"].push_back(value_json(value, out["values"]));
  }
  out["left_out"] = left_out;
  const Minima minima = find_minima(surface);
  out["minima"] = {{"train", minimum_json(minima.train)}, {"test", minimum_json(minima.test)}};
  const auto paths = paths_by_run(surface);
  for (const auto& path : paths) out["paths"].push_back(path_json(data, paths, path, has_trainings(surface)));
  return out;
}

json run_json(const ReportData& data, const RunSeries& run) {
  json out = named_run(data, run.name);
  for (const char* key : {"step", "epoch", "train_loss", "test_loss", "test_accuracy"}) out[key] = json::array();
  for (const EpochMetrics& m : run.epochs) {
    out["step"].push_back(m.step);
    out["epoch"].push_back(number_or_null(m.epoch));
    out["train_loss"].push_back(number_or_null(m.train_loss));
    out["test_loss"].push_back(number_or_null(m.test_loss));
    out["test_accuracy"].push_back(number_or_null(m.test_accuracy));
  }
  out["rate"] = {{"epoch", json::array()}, {"lr", json::array()}};
  for (const RatePoint& point : run.rates) {
    out["rate"]["epoch"].push_back(point.epoch);
    out["rate"]["lr"].push_back(point.lr);
  }
  return out;
}

}  // namespace

std::string page_data(const ReportData& data) {
  json out{{"surfaces", json::array()}, {"runs", json::array()}, {"decay", json::array()}, {"colors", json::object()}};
  for (const Surface& surface : data.surfaces) out["surfaces"].push_back(surface_json(data, surface));
  for (const std::vector<RunSeries>* series : {&data.runs, &data.averages}) {
    for (const RunSeries& run : *series) {
      if (!run.epochs.empty()) out["runs"].push_back(run_json(data, run));
    }
  }
  for (const DecayRow& row : comparable_rows(data)) {
    const RunName name = split_run_name(row.name);
    out["decay"].push_back({{"label", run_label(name)},
                            {"main", name.run == kMainRun},
                            {"average", name.is_average},
                            {"fork_epoch", number_or_null(row.fork_epoch)},
                            {"test_loss", number_or_null(row.test_loss)},
                            {"test_accuracy", number_or_null(row.test_accuracy)}});
  }
  for (int k = 0; k <= 16; ++k) {
    const double position = k / 16.0;
    out["colors"]["low"].push_back({position, map_color(position)});
    out["colors"]["high"].push_back({position, map_color(1 - position)});
    out["colors"]["diverging"].push_back({position, diverging_color(position)});
  }
  out["log_axis_ratio"] = kLogAxisRatio;
  out["split_colors"] = {{"train", kTrainColor}, {"test", kTestColor}};
  const std::string text = out.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string safe;  // "<" could end the script element or open a comment in it
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

}  // namespace thalweg
