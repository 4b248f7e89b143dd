// What an unfinished map shows where points are not evaluated yet.
#include <array>
#include <cmath>
#include <functional>

#include "landscape/bowl_fixture.h"

namespace thalweg {
namespace {

class PreviewTest : public BowlTest {
 protected:
  PreviewTest() {
    config_.grid = "21x21";
    config_.range = "-6:6,-6:6";  // wide enough for the bowl to be deeper than a small sample's error
  }

  // Begins a map and stops it as soon as `enough` of a shown map; returns that one.
  Surface begin(const LandscapeConfig& config, const std::function<bool(const Surface&)>& enough = {}) {
    Surface shown;
    MapContext context{graph_, data_, at::kCPU, ProgressMode::kQuiet, [&](const Surface& surface) {
                         if (stop_requested()) return;
                         shown = surface;
                         if (!enough || enough(surface)) request_stop();
                       }};
    context.show_after = 0;
    EXPECT_THROW(map_landscape(plane_, config, context, folder_ / "begun"), Stopped);
    request_stop(false);
    return shown;
  }
  static std::array<std::size_t, 4> cells_of(const Surface& surface) {
    std::array<std::size_t, 4> counts{};
    for (const double cell : surface.values.at("cell")) ++counts[static_cast<std::size_t>(cell)];
    return counts;
  }
  // The differences from an exact map with 5 x 5 of the grid's points.
  std::vector<double> errors(const Surface& surface, const std::string& key) {
    if (!coarse_) {
      LandscapeConfig coarse;
      coarse.grid = "5x5";
      coarse.range = config_.range;
      coarse_ = map(coarse, "coarse");
    }
    std::vector<double> out;
    for (std::size_t point = 0; point < 25; ++point)
      out.push_back(surface.values.at(key)[at(point)] - coarse_->values.at(key)[point]);
    return out;
  }
  // The largest of them, as a share of the exact map's range.
  double largest_error(const Surface& surface, const std::string& key) {
    const std::vector<double> of_points = errors(surface, key);
    return largest(of_points, std::vector<double>(of_points.size())) / range(coarse_->values.at(key));
  }
  // The number on the grid of 21 x 21 points of a point of the one of 5 x 5.
  static std::size_t at(std::size_t point) { return point / 5 * 5 * 21 + point % 5 * 5; }

  std::optional<Surface> coarse_;
};

using Cells = std::array<std::size_t, 4>;  // by Cell

TEST_F(PreviewTest, ShowsTheWholeMapBeforeItsFirstPoint) {
  for (const char* mode : {"exact", "stderr", "adaptive"}) {
    LandscapeConfig config = config_;
    if (mode == std::string("stderr")) config.standard_error = 0.01;
    if (mode == std::string("adaptive")) config.tolerance = "2%";
    const Surface shown = begin(config);
    EXPECT_EQ(cells_of(shown), (Cells{0, 16, 425, 0})) << mode;
    for (const char* key : {"train_loss", "test_loss"}) {
      // Single images differ by about 1 nat: the error of a sample is 0.07 nats.
      for (const double error : errors(shown, key)) EXPECT_LT(std::abs(error), 0.2) << mode << ' ' << key;
    }
    EXPECT_TRUE(std::isfinite(shown.values.at("gap_loss")[1])) << mode;
    EXPECT_TRUE(std::isfinite(shown.stacks.at("test_class_loss")[1])) << mode;
    std::filesystem::remove(folder_ / "begun");
  }
}

TEST_F(PreviewTest, IsAsGoodAsItsPointsIfItsSampleIsAllImages) {
  data_ = load_data({.train_images = 200, .test_images = 200});
  config_.grid = "41x41";
  const Surface shown = begin(config_);
  EXPECT_EQ(cells_of(shown), (Cells{0, 16, 1665, 0}));
  const Surface exact = map(config_, "exact");
  for (const char* key : {"train_loss", "test_loss", "train_loss_q50", "test_acc"}) {
    const std::vector<double>&seen = shown.values.at(key), &known = exact.values.at(key);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (shown.values.at("cell")[i] != static_cast<double>(Cell::kEstimated)) continue;
      // The preview evaluates images in another order, and an MLP's first layer without what the map's points share.
      EXPECT_NEAR(seen[i], known[i], key == std::string("test_acc") ? 0.5 : 1e-5 * known[i]) << key;
    }
    if (key == std::string("train_loss") || key == std::string("test_loss")) {
      EXPECT_LT(largest(seen, known), 0.2 * range(known)) << key;  // the other two are no smooth functions
    }
  }
}

TEST_F(PreviewTest, IsReplacedByPointsOfTheMap) {
  begin(config_);
  const Surface resumed = begin(config_);  // the first call finished one point
  EXPECT_EQ(cells_of(resumed), (Cells{1, 15, 425, 0}));
  EXPECT_EQ(resumed.values.at("cell")[0], 0);
  const Surface later = begin(config_, [&](const Surface& surface) {
    const Cells cells = cells_of(surface);
    EXPECT_EQ(cells[3], 0u);
    EXPECT_EQ(cells[1], cells[0] < 16 ? 16 - cells[0] : 0u);
    return cells[0] == 200;
  });
  EXPECT_LT(largest_error(later, "test_loss"), 0.01);
  EXPECT_LT(largest_error(later, "test_acc"), 0.1);
}

TEST_F(PreviewTest, LeavesNothingInTheFinishedMap) {
  begin(config_);
  const Surface finished = map(config_, "begun");
  EXPECT_EQ(cells_of(finished), (Cells{441, 0, 0, 0}));
  for (const char* key : {"train_loss", "test_loss", "test_acc"}) EXPECT_EQ(largest_error(finished, key), 0) << key;
  EXPECT_FALSE(notes(finished).contains("unfinished"));
}

TEST_F(PreviewTest, CostsAHundredthOfTheMapAtMost) {
  LandscapeConfig small = config_, sampled = config_;
  small.grid = "19x19";
  sampled.images = 300;
  for (const LandscapeConfig& config : {small, sampled}) {
    const std::size_t points = config.images > 0 ? 441 : 361;
    EXPECT_EQ(cells_of(begin(config)), (Cells{0, 0, 0, points}));
    const Surface later = begin(config, [](const Surface& surface) { return cells_of(surface)[3] == 0; });
    EXPECT_EQ(cells_of(later)[2], points - (config.images > 0 ? 17 : 16));  // a sampled map has its reference too
    std::filesystem::remove(folder_ / "begun");
  }
}

TEST_F(PreviewTest, SurvivesPointsThatAreNotFiniteAndStaysWithinTheRangeOfItsPoints) {
  plane_.d1.mul_(1e37f);  // the four points of the column x = 0 alone are finite
  config_.range = "-6:0,-6:6";
  const Surface shown = begin(config_);
  EXPECT_EQ(cells_of(shown), (Cells{0, 16, 425, 0}));
  const std::vector<double>& loss = shown.values.at("train_loss");
  double low = INFINITY, high = -INFINITY;
  for (const std::size_t row : {0, 7, 13, 20}) {
    EXPECT_FALSE(std::isfinite(loss[row * 21]));
    ASSERT_TRUE(std::isfinite(loss[row * 21 + 20]));
    low = std::min(low, loss[row * 21 + 20]);
    high = std::max(high, loss[row * 21 + 20]);
  }
  for (std::size_t i = 0; i < loss.size(); ++i) {
    if (shown.values.at("cell")[i] != static_cast<double>(Cell::kInterpolated) || !std::isfinite(loss[i])) continue;
    EXPECT_GE(loss[i], low);
    EXPECT_LE(loss[i], high);
  }
  EXPECT_TRUE(std::isfinite(loss[1 * 21 + 19]));
}

TEST_F(PreviewTest, FillsGridsOfOneRowOrFewPoints) {
  for (const char* grid : {"400x1", "1x400", "9x3", "2x2", "1x1"}) {
    config_.grid = grid;
    std::filesystem::remove(folder_ / "begun");
    std::size_t most = 0;
    const auto all_known = [&](const Surface& surface) {
      most = std::max(most, cells_of(surface)[0]);
      return cells_of(surface)[3] == 0;
    };
    if (config_.grid == "2x2" || config_.grid == "1x1") {
      EXPECT_EQ(cells_of(map(config_, "begun")), (Cells{parse_grid_size(grid).first == 1 ? 1u : 4u, 0, 0, 0})) << grid;
      continue;
    }
    const Surface shown = begin(config_, all_known);
    EXPECT_EQ(cells_of(shown)[3], 0u) << grid;
    EXPECT_LT(most, 16u) << grid;
    for (const double loss : shown.values.at("test_loss")) EXPECT_TRUE(std::isfinite(loss)) << grid;
  }
}

TEST_F(PreviewTest, IsLeftOutIfBatchNormNeedsWholeBatches) {
  ModelConfig model;
  model.name = "resnet18";
  model.width = 0.125;
  graph_ = build_model(model, {3, 32, 32}, 10);
  plane_ = start_plane(graph_);
  set_directions(5);
  config_.bn = BnMode::kBatch;
  EXPECT_EQ(cells_of(begin(config_)), (Cells{0, 0, 0, 441}));
}

}  // namespace
}  // namespace thalweg
