#include "landscape/surface.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/ranges.h>

#include "base/error.h"
#include "io/hdf5_file.h"
#include "io/json_member.h"

namespace thalweg {
namespace {

constexpr const char* kKeys[] = {"train_loss", "train_acc", "test_loss", "test_acc"};
constexpr const char* kReserved[] = {"xcoordinates", "ycoordinates", "status",
                                     "proj_xcoord",  "proj_ycoord",  "explained_variance_ratio_"};
constexpr const char* kNotes = "thalweg";          // string dataset
constexpr const char* kImageLoss = "_image_loss";  // suffix of a split's name

template <typename Names>
bool is_one_of(const Names& names, const std::string& name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

void check_axis(const std::vector<double>& axis, const char* name, const std::string& where) {
  check(!axis.empty(), "{}: {} is empty; a surface needs at least one point", where, name);
  for (std::size_t i = 0; i < axis.size(); ++i) {
    check(std::isfinite(axis[i]), "{}: {}[{}] is not finite", where, name, i);
    check(i == 0 || axis[i] > axis[i - 1], "{}: {} must be ascending, but [{}] = {} follows {}", where, name, i,
          axis[i], i == 0 ? 0.0 : axis[i - 1]);
  }
}

void check_surface(const Surface& surface, const std::string& where) {
  check_axis(surface.x, "x", where);
  check_axis(surface.y, "y", where);
  check(std::any_of(std::begin(kKeys), std::end(kKeys), [&](const char* key) { return surface.has(key); }),
        "{}: no values to write; expected one of train_loss, train_acc, test_loss, test_acc", where);
  const std::size_t num_points = surface.x.size() * surface.y.size();
  for (const auto& [key, values] : surface.values) {
    check(!is_one_of(kReserved, key), "{}: values cannot be called \"{}\", which is part of the format", where, key);
    check(values.size() == num_points, "{}: {} holds {} values, but the grid has {} x {} points", where, key,
          values.size(), surface.x.size(), surface.y.size());
  }
  for (const auto& [key, values] : surface.stacks) {
    check(!values.empty() && values.size() % num_points == 0 && !is_one_of(kReserved, key) && !surface.has(key),
          "{}: stack {} holds {} values, but the grid has {} x {} points", where, key, values.size(), surface.x.size(),
          surface.y.size());
  }
}

// 1 at points with a loss or an accuracy that is not finite, else 0.
std::vector<double> grid_status(const Surface& surface) {
  std::vector<double> status(surface.x.size() * surface.y.size(), 0.0);
  for (const auto& [key, values] : surface.values) {
    if (!is_one_of(kKeys, key)) continue;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i])) status[i] = 1.0;
    }
  }
  return status;
}

// Adds the paths as one sequence with a NaN between runs: a plotter that draws it as one line leaves a gap there.
void add_projection(const std::vector<PathPoint>& path, Hdf5Content* content) {
  std::vector<double> x, y;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i > 0 && path[i].run != path[i - 1].run) {
      x.push_back(std::nan(""));
      y.push_back(std::nan(""));
    }
    x.push_back(path[i].x);
    y.push_back(path[i].y);
  }
  content->datasets["proj_xcoord"] = {{x.size()}, x};
  content->datasets["proj_ycoord"] = {{y.size()}, y};
}

const Hdf5Dataset& required(const Hdf5Content& content, const std::string& name, const std::string& where) {
  const auto found = content.datasets.find(name);
  check(found != content.datasets.end(), "{}: no dataset \"{}\"; this is not a 2-D loss surface", where, name);
  return found->second;
}

std::vector<double> read_axis(const Hdf5Content& content, const std::string& name, const std::string& where) {
  const Hdf5Dataset& dataset = required(content, name, where);
  check(dataset.shape.size() == 1, "{}: {} must have one dimension, but has {}", where, name, dataset.shape.size());
  check_axis(dataset.values, name.c_str(), where);
  return dataset.values;
}

// loss-landscape (Goldstein's) shapes its arrays [nx][ny], yet fills them in the order of [ny][nx]: a foreign file may
// therefore have either shape, and the order is the same. There -1 means "not computed".
std::vector<double> read_values(const Hdf5Dataset& dataset, const Surface& surface, bool foreign,
                                const std::string& name) {
  const std::vector<std::size_t> ours{surface.y.size(), surface.x.size()};
  const std::vector<std::size_t> theirs{surface.x.size(), surface.y.size()};
  check(dataset.shape == ours || (foreign && dataset.shape == theirs), "{} has shape [{}]; expected [{}, {}] (y, x)",
        name, fmt::join(dataset.shape, ", "), ours[0], ours[1]);
  std::vector<double> values = dataset.values;
  if (foreign) std::replace(values.begin(), values.end(), -1.0, std::nan(""));
  return values;
}

// Reads all further values and stacks on the grid from our own file.
void read_further_values(const Hdf5Content& content, Surface& surface) {
  const std::size_t nx = surface.x.size(), ny = surface.y.size();
  for (const auto& [key, dataset] : content.datasets) {
    if (is_one_of(kKeys, key) || is_one_of(kReserved, key)) continue;
    if (dataset.shape == std::vector{ny, nx}) surface.values[key] = dataset.values;
    if (dataset.shape.size() == 3 && dataset.shape[1] == ny && dataset.shape[2] == nx)
      surface.stacks[key] = dataset.values;
  }
}

void read_own_notes(const std::string& text, const std::string& where, Surface* surface) {
  const nlohmann::json notes = nlohmann::json::parse(text, nullptr, false);
  check(notes.is_object() && notes.contains("provenance") && notes.contains("path") && notes["path"].is_array(),
        "{}: dataset \"{}\" must hold JSON with \"provenance\" and \"path\"; the file is damaged", where, kNotes);
  surface->provenance = notes["provenance"];
  try {
    for (const nlohmann::json& point : notes["path"]) surface->path.push_back(path_point_from_json(point));
  } catch (const std::exception& error) {
    fail("{}: the path in dataset \"{}\" is damaged: {}", where, kNotes, error.what());
  }
}

}  // namespace

double* layer(Surface& surface, const std::string& name) {
  const std::size_t size = surface.x.size() * surface.y.size(), slash = name.find('/');
  const bool stacked = slash != std::string::npos;
  std::vector<double>& all = stacked ? surface.stacks[name.substr(0, slash)] : surface.values[name];
  const std::size_t place = stacked ? std::stoul(name.substr(slash + 1)) : 0;
  if (all.size() < (place + 1) * size) all.resize((place + 1) * size, std::nan(""));
  return all.data() + place * size;
}

void add_gap(Surface& surface) {
  if (surface.has("gap_loss") || !surface.has("train_loss") || !surface.has("test_loss")) return;
  std::vector<double> gap = surface.values.at("test_loss");
  for (std::size_t i = 0; i < gap.size(); ++i) gap[i] -= surface.values.at("train_loss")[i];
  surface.values["gap_loss"] = std::move(gap);
}

bool is_unfinished(const Surface& surface) {
  return member(member(surface.provenance, "landscape"), "unfinished") == true;
}

std::optional<SurfaceMinimum> surface_minimum(const Surface& surface, const std::string& key) {
  const auto found = surface.values.find(key);
  if (found == surface.values.end()) return std::nullopt;
  const std::vector<double>& values = found->second;
  const std::size_t nx = surface.x.size();
  check(values.size() == nx * surface.y.size(), "{} holds {} values, but the grid has {} x {} points", key,
        values.size(), nx, surface.y.size());
  const auto cell = surface.values.find("cell");
  const bool skips = cell != surface.values.end() && is_unfinished(surface);
  std::size_t best = values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (skips && cell->second[i] == static_cast<double>(Cell::kInterpolated)) continue;
    if (std::isfinite(values[i]) && (best == values.size() || values[i] < values[best])) best = i;
  }
  if (best == values.size()) return std::nullopt;
  return SurfaceMinimum{surface.x[best % nx], surface.y[best / nx], values[best]};
}

void write_surface_hdf5(const std::filesystem::path& file, const Surface& surface) {
  check_surface(surface, file.string());
  const std::vector<std::size_t> shape{surface.y.size(), surface.x.size()};
  Hdf5Content content;
  content.datasets["xcoordinates"] = {{surface.x.size()}, surface.x};
  content.datasets["ycoordinates"] = {{surface.y.size()}, surface.y};
  for (const auto& [key, values] : surface.values) content.datasets[key] = {shape, values};
  for (const auto& [key, values] : surface.stacks) {
    content.datasets[key] = {{values.size() / (shape[0] * shape[1]), shape[0], shape[1]}, values};
  }
  for (const auto& [split, losses] : surface.image_losses) {
    content.datasets[split + kImageLoss] = {
        {shape[0], shape[1], losses.size() / (shape[0] * shape[1])}, {losses.begin(), losses.end()}, true};
  }
  content.datasets["status"] = {shape, grid_status(surface)};
  if (!surface.path.empty()) add_projection(surface.path, &content);
  const nlohmann::json variance = member(surface.provenance, "explained_variance");
  if (variance.is_array() && variance.size() == 2) {
    content.datasets["explained_variance_ratio_"] = {{2}, variance.get<std::vector<double>>()};
  }
  nlohmann::json path = nlohmann::json::array();
  for (const PathPoint& point : surface.path) path.push_back(to_json(point));
  content.strings[kNotes] = nlohmann::json{{"provenance", surface.provenance}, {"path", path}}.dump();
  content.strings["dir_file"] = file.filename().string();  // this file also stands in for the directions' file
  write_hdf5(file, content);
}

Surface read_surface_hdf5(const std::filesystem::path& file) {
  const std::string where = file.string();
  const Hdf5Content content = read_hdf5(file, [](const std::string& name) { return !name.ends_with(kImageLoss); });
  const bool foreign = !content.strings.contains(kNotes);
  Surface surface;
  surface.x = read_axis(content, "xcoordinates", where);
  surface.y = read_axis(content, "ycoordinates", where);
  for (const char* key : kKeys) {
    const auto found = content.datasets.find(key);
    if (found == content.datasets.end()) continue;
    surface.values[key] = read_values(found->second, surface, foreign, where + ": " + key);
  }
  check(!surface.values.empty(), "{}: expected at least one of the datasets train_loss, train_acc, test_loss, test_acc",
        where);
  surface.provenance = nlohmann::json::object();
  if (!foreign) {
    read_own_notes(content.strings.at(kNotes), where, &surface);
    read_further_values(content, surface);
  } else if (const auto found = content.datasets.find("explained_variance_ratio_"); found != content.datasets.end()) {
    surface.provenance["explained_variance"] = found->second.values;
  }
  return surface;
}

}  // namespace thalweg
