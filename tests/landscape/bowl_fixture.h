// A plane around random weights of a small network, over which the loss on synthetic images is a smooth bowl.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "base/stop.h"
#include "io/temp_folder.h"
#include "landscape/map.h"
#include "landscape/start_plane.h"
#include "models/models.h"

namespace thalweg {

class BowlTest : public testing::Test {
 protected:
  BowlTest() {
    set_directions(5);
    config_.grid = "17x15";
    config_.range = "-1:1,-1:1";
  }
  ~BowlTest() override { request_stop(false); }

  static Graph build() {
    ModelConfig model;
    model.name = "mlp";
    model.hidden = {24};
    return build_model(model, {3, 32, 32}, 10);
  }
  // Small steps from nontrivial weights, which make the loss a smooth bowl.
  void set_directions(std::uint64_t seed) {
    auto generator = at::detail::createCPUGenerator(seed);
    plane_.d1 = plane_.origin * at::randn({graph_.parameters.size()}, generator) * 0.1;
    plane_.d2 = plane_.origin * at::randn({graph_.parameters.size()}, generator) * 0.1;
  }
  Surface map(const LandscapeConfig& config, const std::string& journal) {
    return map_landscape(plane_, config, {graph_, data_, at::kCPU, ProgressMode::kQuiet}, folder_ / journal);
  }
  const Surface& exact() {
    if (!exact_) exact_ = map(config_, "exact");
    return *exact_;
  }
  static nlohmann::json notes(const Surface& surface) { return surface.provenance.at("landscape"); }
  static double largest(const std::vector<double>& a, const std::vector<double>& b) {
    double out = 0;
    for (std::size_t i = 0; i < a.size(); ++i) out = std::max(out, std::abs(a[i] - b[i]));
    return out;
  }
  static double range(const std::vector<double>& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return *high - *low;
  }

  TempFolder folder_;
  DataSet data_ = load_data({.train_images = 900, .test_images = 700});
  Graph graph_ = build();
  Plane plane_ = start_plane(graph_);
  LandscapeConfig config_;
  std::optional<Surface> exact_;
};

}  // namespace thalweg
