// Maps by samples, adaptive maps and maps in reduced precision against exact ones in float32.
#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "base/stop.h"
#include "expect_error.h"
#include "io/temp_folder.h"
#include "landscape/map.h"
#include "models/models.h"
#include "nn/init.h"

namespace thalweg {
namespace {

class MapModes : public testing::Test {
 protected:
  MapModes() : data_(load()), graph_(build()) {
    plane_.origin = initial_weights(graph_, 3);
    auto generator = at::detail::createCPUGenerator(5);
    // A smooth bowl: small steps from weights that do something.
    plane_.d1 = plane_.origin * at::randn({graph_.parameters.size()}, generator) * 0.1;
    plane_.d2 = plane_.origin * at::randn({graph_.parameters.size()}, generator) * 0.1;
    plane_.buffers = initial_buffers(graph_);
    plane_.layout = to_json(graph_.parameters);
    plane_.buffer_layout = to_json(graph_.buffers);
    plane_.provenance = nlohmann::json::object();
    config_.grid = "17x15";
    config_.range = "-1:1,-1:1";
  }
  ~MapModes() override { request_stop(false); }

  static DataSet load() {
    DataConfig config;
    config.train_images = 900;
    config.test_images = 700;
    return load_data(config);
  }
  static Graph build() {
    ModelConfig model;
    model.name = "mlp";
    model.hidden = {24};
    return build_model(model, {3, 32, 32}, 10);
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
  DataSet data_;
  Graph graph_;
  Plane plane_;
  LandscapeConfig config_;
  std::optional<Surface> exact_;
};

TEST_F(MapModes, AnExactMapHoldsWhatFollowsFromItsLosses) {
  const Surface& s = exact();
  for (std::size_t i = 0; i < s.x.size() * s.y.size(); ++i) {
    EXPECT_EQ(s.values.at("cell")[i], 0);
    EXPECT_DOUBLE_EQ(s.values.at("test_error")[i], 100 - s.values.at("test_acc")[i]);
    EXPECT_DOUBLE_EQ(s.values.at("gap_loss")[i], s.values.at("test_loss")[i] - s.values.at("train_loss")[i]);
    EXPECT_LE(s.values.at("train_loss_q05")[i], s.values.at("train_loss_q50")[i]);
    const at::Tensor w = plane_.origin + s.x[i % s.x.size()] * plane_.d1 + s.y[i / s.x.size()] * plane_.d2;
    EXPECT_NEAR(s.values.at("weight_norm")[i], w.norm().item<double>(), 1e-5);
  }
  EXPECT_EQ(s.stacks.at("test_class_loss").size(), 10 * s.x.size() * s.y.size());
}

TEST_F(MapModes, StatedStandardErrorsOfASampledMapHold) {
  double squares = 0;
  std::size_t count = 0;
  for (std::int64_t seed = 0; seed < 10; ++seed) {
    LandscapeConfig sampled = config_;
    sampled.grid = "5x5";
    sampled.images = 150;
    sampled.seed = seed;
    const Surface s = map(sampled, "sampled" + std::to_string(seed));
    for (std::size_t j = 0; j < 5; ++j) {
      for (std::size_t i = 0; i < 5; ++i) {
        const std::size_t at = j * 5 + i;
        LandscapeConfig whole = config_;
        for (const char* split : {"train", "test"}) {
          const double error = s.values.at(std::string(split) + "_loss_stderr")[at];
          if (s.values.at("cell")[at] == static_cast<double>(Cell::kExact)) {
            EXPECT_EQ(error, 0);
            continue;
          }
          // Columns 0, 4, 8, ... of the exact map, and its rows 0, 3.5, ...: those that both grids have.
          if (j % 2 != 0) continue;
          const double truth = exact().values.at(std::string(split) + "_loss")[(j * 14 / 4) * 17 + i * 4];
          const double score = (s.values.at(std::string(split) + "_loss")[at] - truth) / error;
          squares += score * score;
          ++count;
        }
      }
    }
  }
  // Means of squared scores are 1 where the errors are right; points of one map share their sample.
  EXPECT_GT(squares / static_cast<double>(count), 0.5);
  EXPECT_LT(squares / static_cast<double>(count), 1.8);
}

TEST_F(MapModes, AStandardErrorAskedForIsKept) {
  LandscapeConfig sampled = config_;
  sampled.grid = "5x5";
  sampled.standard_error = 0.02;
  const Surface s = map(sampled, "stderr");
  double largest_error = 0;
  for (const double error : s.values.at("test_loss_stderr")) largest_error = std::max(largest_error, error);
  EXPECT_LT(largest_error, 0.025);  // the pilot's guess at the spread is a guess
  EXPECT_GT(largest_error, 0.002);
}

TEST_F(MapModes, AnAdaptiveMapKeepsItsTolerance) {
  for (const char* tolerance : {"3%", "1%"}) {
    LandscapeConfig adaptive = config_;
    adaptive.tolerance = tolerance;
    const Surface s = map(adaptive, std::string("adaptive") + tolerance);
    const nlohmann::json about = notes(s).at("adaptive");
    EXPECT_TRUE(about.at("certified").get<bool>());
    EXPECT_LT(about.at("image_evaluations").get<double>(), about.at("image_evaluations_of_an_exact_map").get<double>());
    for (const char* split : {"train", "test"}) {
      const std::string key = std::string(split) + "_loss";
      const double allowed = about.at("tolerance").at(split).get<double>();
      EXPECT_NEAR(allowed, parse_tolerance(tolerance).value * range(exact().values.at(key)), 0.1 * allowed);
      std::size_t outside = 0;
      for (std::size_t i = 0; i < s.values.at(key).size(); ++i) {
        outside += std::abs(s.values.at(key)[i] - exact().values.at(key)[i]) > allowed;
        if (s.values.at("cell")[i] == static_cast<double>(Cell::kExact)) {
          EXPECT_EQ(s.values.at(key)[i], exact().values.at(key)[i]);
        }
      }
      EXPECT_LE(outside, s.values.at(key).size() / 50);
    }
  }
}

TEST_F(MapModes, AnAdaptiveMapGoesOnAfterStopsToTheSameBits) {
  LandscapeConfig adaptive = config_;
  adaptive.tolerance = "2%";
  const Surface whole = map(adaptive, "whole");
  request_stop(true);
  for (int stops = 0; stops < 12; ++stops) EXPECT_THROW(map(adaptive, "stopped"), Stopped);
  request_stop(false);
  const Surface resumed = map(adaptive, "stopped");
  EXPECT_EQ(resumed.values, whole.values);
  EXPECT_EQ(notes(resumed).at("adaptive"), notes(whole).at("adaptive"));
}

TEST_F(MapModes, APointThatOverflowsIsEvaluatedExactly) {
  plane_.d1.mul_(1e38f);
  LandscapeConfig adaptive = config_;
  adaptive.grid = "13x13";
  adaptive.tolerance = "0.1";
  const Surface s = map(adaptive, "overflow");
  EXPECT_FALSE(std::isfinite(s.values.at("train_loss")[0]));
  EXPECT_EQ(s.values.at("cell")[0], static_cast<double>(Cell::kExact));
  EXPECT_TRUE(std::isfinite(s.values.at("train_loss")[6]));  // x = 0
}

TEST_F(MapModes, ReducedPrecisionIsAuditedAndMadeAgainWhereItDeviates) {
  config_.grid = "5x5";
  LandscapeConfig reduced = config_;
  reduced.precision = at::kBFloat16;
  const Surface s = map(reduced, "bf16");
  const nlohmann::json audit = notes(s).at("audit");
  EXPECT_EQ(audit.at("points"), 8);
  EXPECT_GT(audit.at("largest_deviation").at("test").get<double>(), 0);
  EXPECT_LT(audit.at("largest_deviation").at("test").get<double>(), 0.005);
  EXPECT_EQ(notes(s).at("precision"), "bf16");
  EXPECT_NE(s.values.at("test_loss"), exact().values.at("test_loss"));
  EXPECT_LT(largest(s.values.at("test_loss"), exact().values.at("test_loss")), 0.02);
  reduced.max_deviation = 1e-9;
  const Surface again = map(reduced, "strict");
  EXPECT_EQ(notes(again).at("precision"), "float32");
  EXPECT_EQ(notes(again).at("audit").at("made_again_in"), "float32");
  EXPECT_EQ(again.values.at("test_loss"), exact().values.at("test_loss"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "strict.float32"));
  remove_journal(folder_ / "strict");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "strict.float32"));
}

TEST_F(MapModes, ACheckpointThatWasEvaluatedOtherwiseIsAnError) {
  plane_.provenance = {{"data_digest", data_.digest},
                       {"origin_final", {{"test_loss", exact().values.at("test_loss")[127]}}}};
  config_.grid = "1x1";
  map(config_, "right");  // point 127 is the middle, the plane's origin
  plane_.provenance["origin_final"]["test_loss"] = 1.01 * exact().values.at("test_loss")[127];
  expect_error([&] { map(config_, "wrong"); }, "was evaluated to");
}

TEST_F(MapModes, AMapInTheMakingIsShownWithItsGapsInterpolated) {
  LandscapeConfig adaptive = config_;
  adaptive.tolerance = "2%";
  const double largest_error = 0.1 * range(exact().values.at("test_loss"));
  std::size_t interpolated = 0, estimated = 0;
  MapContext context{graph_, data_, at::kCPU, ProgressMode::kQuiet, [&](const Surface& surface) {
                       EXPECT_TRUE(notes(surface).at("unfinished").get<bool>());
                       const std::vector<double>& cells = surface.values.at("cell");
                       for (std::size_t i = 0; i < cells.size(); ++i) {
                         const auto cell = static_cast<Cell>(static_cast<int>(cells[i]));
                         interpolated += cell == Cell::kInterpolated;
                         estimated += cell == Cell::kEstimated;
                         if (cell == Cell::kMissing) continue;
                         EXPECT_NEAR(surface.values.at("test_loss")[i], exact().values.at("test_loss")[i],
                                     largest_error);
                       }
                     }};
  context.show_after = 0;
  const Surface whole = map_landscape(plane_, adaptive, context, folder_ / "shown");
  EXPECT_GT(interpolated, 0u);
  EXPECT_GT(estimated, 0u);
  EXPECT_FALSE(notes(whole).contains("unfinished"));
}

TEST(Tolerance, IsNatsOrAPartOfTheRange) {
  EXPECT_DOUBLE_EQ(parse_tolerance("0.02").value, 0.02);
  EXPECT_FALSE(parse_tolerance("0.02").relative);
  EXPECT_DOUBLE_EQ(parse_tolerance("1.5%").value, 0.015);
  EXPECT_TRUE(parse_tolerance("1.5%").relative);
  for (const char* bad : {"", "%", "0", "-1", "1 %", "nan", "inf", "x"}) {
    expect_usage_error([&] { parse_tolerance(bad); }, "tolerance");
  }
}

TEST(LandscapeConfig, TakesOneWayOfUsingFewerImages) {
  const auto read = [](const nlohmann::json& json) { return read_landscape_config(ConfigReader(json, "landscape")); };
  EXPECT_EQ(read(nlohmann::json::object()).mode(), MapMode::kExact);
  EXPECT_EQ(read({{"images", 100}}).mode(), MapMode::kSampled);
  EXPECT_EQ(read({{"stderr", 0.01}}).mode(), MapMode::kSampled);
  EXPECT_EQ(read({{"tolerance", "1%"}}).mode(), MapMode::kAdaptive);
  EXPECT_EQ(read({{"tolerance", 0.01}}).mode(), MapMode::kAdaptive);
  const nlohmann::json two = {{"images", 100}, {"tolerance", "1%"}}, batch = {{"images", 100}, {"bn", "batch"}};
  expect_usage_error([&] { read(two); }, "set one of them");
  expect_usage_error([&] { read(batch); }, "exact map");
}

}  // namespace
}  // namespace thalweg
