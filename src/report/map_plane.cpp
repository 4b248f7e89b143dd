#include "report/map_plane.h"

#include "base/error.h"
#include "io/json_member.h"

namespace thalweg {
namespace {

// Returns the name of a plane's point, "a@0"; empty if the provenance has no points.
std::string point_name(const nlohmann::json& provenance, std::size_t index) {
  const nlohmann::json points = member(provenance, "points");
  if (!points.is_array() || points.size() <= index || !points[index].is_object()) return "";
  return fmt::format("{}@{}", points[index].value("run", ""), points[index].value("step", 0));
}

}  // namespace

bool is_one_row(const Surface& surface) {
  return surface.x.size() == 1 || surface.y.size() == 1;
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

bool has_unit_directions(const Surface& surface) {
  const nlohmann::json kind = member(surface.provenance, "kind");
  return kind == "pca" || kind == "points" || kind == "line";
}

std::string distance_unit(const Surface& surface) {
  return has_unit_directions(surface) ? "in weight space" : "in units of the directions";
}

}  // namespace thalweg
