#include "trajectory/plane.h"

#include <cmath>

#include <ATen/ops/aminmax.h>

#include "base/error.h"
#include "io/json_member.h"
#include "io/safetensors.h"
#include "trajectory/layout.h"

namespace thalweg {
namespace {

using nlohmann::json;

void check_vector(const at::Tensor& tensor, std::int64_t size, const std::string& what) {
  check(tensor.defined() && tensor.scalar_type() == at::kFloat && tensor.dim() == 1 && tensor.numel() == size,
        "{} must be float32 [{}], but is {}", what, size, tensor.defined() ? tensor.toString() : "missing");
  if (size == 0) return;
  const auto [least, most] = at::aminmax(tensor);  // both are NaN if any element is
  check(std::isfinite(least.item<float>()) && std::isfinite(most.item<float>()), "{} holds values that are not finite",
        what);
}

// Each message begins with `where`, the file.
void check_plane(const Plane& plane, const std::string& where) {
  check(plane.origin.defined() && plane.origin.numel() > 0, "{}: the origin is empty", where);
  const std::int64_t num_params = plane.origin.numel();
  check_vector(plane.origin, num_params, where + ": origin");
  check_vector(plane.d1, num_params, where + ": d1");
  check_vector(plane.d2, num_params, where + ": d2");
  check(plane.buffers.defined(), "{}: buffers are missing; expected an empty tensor if the model has none", where);
  check_vector(plane.buffers, plane.buffers.numel(), where + ": buffers");
  parse_layout(plane.layout, num_params, where + ": layout");
  parse_layout(plane.buffer_layout, plane.buffers.numel(), where + ": buffer_layout");
  check(plane.provenance.is_object(), "{}: the provenance is not a JSON object", where);
}

json metadata_json(const SafetensorsFile& file, const std::string& key, const std::string& where) {
  const auto entry = file.metadata.find(key);
  check(entry != file.metadata.end(), "{} has no metadata \"{}\": it is not a plane file", where, key);
  json value = json::parse(entry->second, nullptr, false);
  check(!value.is_discarded(), "{}: metadata \"{}\" is not JSON", where, key);
  return value;
}

}  // namespace

bool is_line(const json& provenance) {
  return member(provenance, "kind") == "line";
}

json to_json(const PathPoint& point) {
  return {{"run", point.run}, {"step", point.step}, {"epoch", point.epoch},        {"lr", point.lr},
          {"x", point.x},     {"y", point.y},       {"off_plane", point.off_plane}};
}

PathPoint path_point_from_json(const json& value) {
  PathPoint point;
  try {
    point.run = value.at("run").get<std::string>();
    point.step = value.at("step").get<std::int64_t>();
    point.epoch = value.at("epoch").get<double>();
    point.lr = value.at("lr").get<double>();
    point.x = value.at("x").get<double>();
    point.y = value.at("y").get<double>();
    point.off_plane = value.at("off_plane").get<double>();
  } catch (const json::exception& error) {
    fail("not a point of a path (run, step, epoch, lr, x, y, off_plane, all finite): {}", error.what());
  }
  return point;
}

void write_plane(const std::filesystem::path& file, const Plane& plane) {
  check_plane(plane, fmt::format("plane for {}", file.string()));
  json path = json::array();
  for (const PathPoint& point : plane.path) {
    check(std::isfinite(point.x) && std::isfinite(point.y) && std::isfinite(point.off_plane) &&
              std::isfinite(point.lr) && std::isfinite(point.epoch),
          "plane for {}: the point of run {} at step {} is not finite", file.string(), point.run, point.step);
    path.push_back(to_json(point));
  }
  write_safetensors(file, {{"origin", plane.origin}, {"d1", plane.d1}, {"d2", plane.d2}, {"buffers", plane.buffers}},
                    {{"layout", plane.layout.dump()},
                     {"buffer_layout", plane.buffer_layout.dump()},
                     {"plane", json{{"provenance", plane.provenance}, {"path", std::move(path)}}.dump()}});
}

Plane read_plane(const std::filesystem::path& file) {
  const SafetensorsFile contents = read_safetensors(file);
  const std::string where = file.string();
  Plane plane;
  plane.layout = metadata_json(contents, "layout", where);
  plane.buffer_layout = metadata_json(contents, "buffer_layout", where);
  const json about = metadata_json(contents, "plane", where);
  check(about.is_object() && about.contains("provenance") && about.contains("path") && about["path"].is_array(),
        "{}: metadata \"plane\" must hold \"provenance\" and a list \"path\"", where);
  plane.provenance = about["provenance"];
  for (const json& point : about["path"]) {
    try {
      plane.path.push_back(path_point_from_json(point));
    } catch (const Error& error) {
      fail("{}: point {} of the path: {}", where, plane.path.size(), error.what());
    }
  }
  plane.origin = contents.at("origin");
  plane.d1 = contents.at("d1");
  plane.d2 = contents.at("d2");
  plane.buffers = contents.at("buffers");
  check_plane(plane, where);
  return plane;
}

}  // namespace thalweg
