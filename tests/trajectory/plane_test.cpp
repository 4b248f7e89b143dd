#include "trajectory/plane.h"

#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include "base/error.h"
#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/safetensors.h"
#include "io/temp_folder.h"
#include "trajectory/layout.h"
#include "trajectory/weights_fixture.h"

namespace thalweg {
namespace {

using nlohmann::json;

Plane example() {
  Plane plane;
  plane.origin = vec({1, 2, 3, 4, 5});
  plane.d1 = vec({1, 0, 0, 0, 0});
  plane.d2 = vec({0, 0.6f, 0.8f, 0, 0});
  plane.buffers = vec({0.5f, 1.5f});
  plane.layout = json::parse(R"([{"name": "fc.weight", "shape": [2, 2], "offset": 0},
                                 {"name": "fc.bias", "shape": [1], "offset": 4}])");
  plane.buffer_layout = json::parse(R"([{"name": "bn.running_mean", "shape": [2], "offset": 0}])");
  plane.path = {{"main", 0, 0, 0.1, 1.0 / 3, -2e-17, 0}, {"decay \"at\" 5", 7, 1.75, 0.01, 4, 5, 6.5}};
  plane.provenance = {{"kind", "pca"}, {"path", "not the path"}, {"explained_variance", {0.8, 0.1}}};
  return plane;
}

TEST(PlaneFile, GivesBackWhatWasWritten) {
  TempFolder folder;
  const Plane plane = example();
  write_plane(folder / "a.safetensors", plane);
  const Plane read = read_plane(folder / "a.safetensors");
  EXPECT_TRUE(at::equal(read.origin, plane.origin));
  EXPECT_TRUE(at::equal(read.d1, plane.d1));
  EXPECT_TRUE(at::equal(read.d2, plane.d2));
  EXPECT_TRUE(at::equal(read.buffers, plane.buffers));
  EXPECT_EQ(read.layout, plane.layout);
  EXPECT_EQ(read.buffer_layout, plane.buffer_layout);
  EXPECT_EQ(read.provenance, plane.provenance);
  ASSERT_EQ(read.path.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(to_json(read.path[i]), to_json(plane.path[i]));
}

TEST(PlaneFile, SamePlaneGivesTheSameBytes) {
  TempFolder folder;
  write_plane(folder / "a", example());
  write_plane(folder / "b", read_plane(folder / "a"));
  EXPECT_EQ(read_file(folder / "a"), read_file(folder / "b"));
}

TEST(PlaneFile, MayHaveNoBuffersAndNoPath) {
  TempFolder folder;
  Plane plane = example();
  plane.buffers = at::empty({0}, at::kFloat);
  plane.buffer_layout = json::array();
  plane.path.clear();
  write_plane(folder / "a", plane);
  EXPECT_EQ(read_plane(folder / "a").buffers.numel(), 0);
  EXPECT_TRUE(read_plane(folder / "a").path.empty());
}

void expect_unwritable(const std::function<void(Plane&)>& spoil, const std::string& message) {
  TempFolder folder;
  Plane plane = example();
  spoil(plane);
  expect_error([&] { write_plane(folder / "a", plane); }, message);
  EXPECT_EQ(folder.num_files(), 0u);
}

TEST(PlaneFile, IsNotWrittenWithDefects) {
  expect_unwritable([](Plane& p) { p.d1 = vec({1, 2}); }, "d1 must be float32 [5]");
  expect_unwritable([](Plane& p) { p.d2 = p.d2.to(at::kDouble); }, "d2 must be float32 [5]");
  expect_unwritable([](Plane& p) { p.d2 = at::Tensor(); }, "missing");
  expect_unwritable([](Plane& p) { p.origin = at::Tensor(); }, "the origin is empty");
  expect_unwritable([](Plane& p) { p.buffers = at::Tensor(); }, "buffers are missing");
  expect_unwritable([](Plane& p) { p.origin = vec({1, NAN, 3, 4, 5}); }, "origin holds values that are not finite");
  expect_unwritable([](Plane& p) { p.layout[1]["offset"] = 3; }, "fc.bias starts at element 3");
  expect_unwritable([](Plane& p) { p.buffer_layout = json(); }, "it is not a list");
  expect_unwritable([](Plane& p) { p.path[1].x = NAN; }, "at step 7 is not finite");
  expect_unwritable([](Plane& p) { p.provenance = json(); }, "not a JSON object");
}

// Writes a file by write_plane, damages it by `spoil`, and expects an error with `message` on reading it.
void expect_unreadable(const std::function<void(SafetensorsFile&)>& spoil, const std::string& message) {
  TempFolder folder;
  write_plane(folder / "a", example());
  SafetensorsFile file = read_safetensors(folder / "a");
  spoil(file);
  write_safetensors(folder / "b", file.tensors, file.metadata);
  expect_error([&] { read_plane(folder / "b"); }, message);
}

at::Tensor& tensor_of(SafetensorsFile& file, const std::string& name) {
  for (NamedTensor& entry : file.tensors) {
    if (entry.name == name) return entry.tensor;
  }
  throw std::runtime_error("no " + name);
}

TEST(PlaneFile, IsNotReadWithDefects) {
  expect_unreadable([](SafetensorsFile& f) { tensor_of(f, "d1") = vec({1}); }, "d1 must be float32 [5]");
  expect_unreadable([](SafetensorsFile& f) { tensor_of(f, "d2")[0] = INFINITY; }, "d2 holds values");
  expect_unreadable([](SafetensorsFile& f) { f.tensors.erase(f.tensors.begin()); }, "");
  expect_unreadable([](SafetensorsFile& f) { f.metadata.erase("plane"); }, "no metadata \"plane\"");
  expect_unreadable([](SafetensorsFile& f) { f.metadata.erase("layout"); }, "no metadata \"layout\"");
  expect_unreadable([](SafetensorsFile& f) { f.metadata["layout"] = "[{"; }, "is not JSON");
  expect_unreadable([](SafetensorsFile& f) { f.metadata["plane"] = "{}"; }, "\"provenance\" and a list \"path\"");
  expect_unreadable([](SafetensorsFile& f) { f.metadata["plane"] = R"({"provenance": {}, "path": [{"run": 1}]})"; },
                    "point 0 of the path");
}

TEST(PlaneFile, ThatIsNoneIsNamed) {
  TempFolder folder;
  expect_error([&] { read_plane(folder / "absent"); }, "absent");
  write_file_atomically(folder / "text", "hello");
  expect_error([&] { read_plane(folder / "text"); }, "text");
}

TEST(PathPoint, RejectsMissingAndNonFiniteNumbers) {
  json value = to_json(PathPoint{"main", 1, 2, 3, 4, 5, 6});
  value["y"] = nullptr;
  expect_error([&] { path_point_from_json(value); }, "not a point of a path");
  value.erase("y");
  expect_error([&] { path_point_from_json(value); }, "not a point of a path");
}

TEST(Layout, SortsByOffsetAndCountsElements) {
  const auto layout = parse_layout(json::parse(R"([{"name": "b", "shape": [], "offset": 6},
                                                   {"name": "a", "shape": [2, 3], "offset": 0},
                                                   {"name": "empty", "shape": [0, 3], "offset": 6}])"),
                                   7, "test");
  ASSERT_EQ(layout.size(), 3u);
  EXPECT_EQ(layout[0].name, "a");
  EXPECT_EQ(layout[0].size, 6);
  EXPECT_EQ(layout[1].name, "empty");
  EXPECT_EQ(layout[2].size, 1);
  EXPECT_TRUE(parse_layout(json::array(), 0, "test").empty());
}

TEST(Layout, RefusesHolesOverlapsAndNonsense) {
  const auto parse = [](const std::string& text) { parse_layout(json::parse(text), 4, "test"); };
  expect_error([&] { parse(R"([{"name": "a", "shape": [3], "offset": 0}])"); }, "ends at element 3");
  expect_error([&] { parse(R"([{"name": "a", "shape": [3], "offset": 1}])"); }, "a starts at element 1");
  expect_error(
      [&] { parse(R"([{"name": "a", "shape": [3], "offset": 0}, {"name": "b", "shape": [2], "offset": 2}])"); },
      "b starts at element 2");
  expect_error([&] { parse(R"([{"name": "a", "shape": [4611686018427387904, 4], "offset": 0}])"); }, "does not fit");
  expect_error([&] { parse(R"([{"name": "a", "shape": [-4], "offset": 0}])"); }, "does not fit");
  expect_error([&] { parse(R"([{"name": "a", "offset": 0}])"); }, "name, shape and offset");
  expect_error([&] { parse(R"({})"); }, "it is not a list");
}

}  // namespace
}  // namespace thalweg
