#include "landscape/map.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "base/stop.h"
#include "data/image_batches.h"
#include "expect_error.h"
#include "io/temp_folder.h"
#include "landscape/start_plane.h"
#include "models/models.h"
#include "nn/eager.h"
#include "nn/evaluate.h"
#include "nn/init.h"

namespace thalweg {
namespace {

TEST(GridSize, IsWidthTimesHeight) {
  EXPECT_EQ(parse_grid_size("51x31"), std::pair(51, 31));
  for (const char* bad : {"", "51", "51x", "x51", "0x3", "-1x3", "3x3x3", "3.5x3", "20000x3", "3 x3"}) {
    expect_usage_error([&] { parse_grid_size(bad); }, "WIDTHxHEIGHT");
  }
}

TEST(GridRange, IsTwoAscendingIntervals) {
  const GridRange range = parse_grid_range("-1:0.5,0:2e1");
  EXPECT_EQ(range.x0, -1);
  EXPECT_EQ(range.x1, 0.5);
  EXPECT_EQ(range.y0, 0);
  EXPECT_EQ(range.y1, 20);
  for (const char* bad :
       {"", "1:1", "1:-1", "-1:1,", "-1:1,1:0", "1:-1,0:1", "0:0,0:1", "nan:1,0:1", "0:inf,0:1", "a:b,c:d"}) {
    expect_usage_error([&] { parse_grid_range(bad); }, "x0:x1,y0:y1");
  }
}

TEST(GridRange, OfOneRowNeedsNoHeight) {
  for (const char* text : {"-1:3", "-1:3,0:0"}) {
    const GridRange range = parse_grid_range(text);
    const Grid row = make_grid({3, 1}, range);
    EXPECT_EQ(row.x, (std::vector<double>{-1, 1, 3}));
    EXPECT_EQ(row.y, (std::vector<double>{0}));
    expect_usage_error([&] { make_grid({3, 2}, range); }, "a grid of 2 rows");
  }
}

TEST(FitRange, WidensThePathsBoxAndSurvivesFlatPaths) {
  PathPoint a, b;
  b.x = 2;
  b.y = 1;
  const GridRange box = fit_range({a, b}, 0.5);
  EXPECT_EQ(box.x0, -1);
  EXPECT_EQ(box.x1, 3);
  EXPECT_EQ(box.y0, -0.5);
  EXPECT_EQ(box.y1, 1.5);
  EXPECT_EQ(fit_range({}, 0.2).x1, 1);
  b.y = 0;
  EXPECT_LT(fit_range({a, b}, 0.2).y0, fit_range({a, b}, 0.2).y1);
  EXPECT_LT(fit_range({a, a}, 0.2).x0, fit_range({a, a}, 0.2).x1);
}

TEST(MakeGrid, HitsBothEndsAndTheMiddle) {
  const Grid grid = make_grid({5, 1}, {-1, 1, 0, 4});
  EXPECT_EQ(grid.x, (std::vector<double>{-1, -0.5, 0, 0.5, 1}));
  EXPECT_EQ(grid.y, (std::vector<double>{2}));
}

TEST(Grid, NumbersItsPointsRowAfterRow) {
  const Grid grid = make_grid({3, 2}, {-1, 1, 0, 4});
  EXPECT_EQ(grid.at(0), std::pair(-1.0, 0.0));
  EXPECT_EQ(grid.at(2), std::pair(1.0, 0.0));
  EXPECT_EQ(grid.at(3), std::pair(-1.0, 4.0));
  EXPECT_EQ(grid.at(grid.middle()), std::pair(0.0, 4.0));  // for an even number of points, the later one
  EXPECT_EQ(make_grid({5, 3}, {-1, 1, 0, 4}).middle(), 7u);
}

class MapTest : public testing::Test {
 protected:
  explicit MapTest(const std::string& model = "vgg11_bn") : graph_(build(model)) {
    plane_ = start_plane(graph_);
    auto generator = at::detail::createCPUGenerator(5);
    plane_.d1 = at::randn({graph_.parameters.size()}, generator) * 0.02;
    plane_.d2 = at::randn({graph_.parameters.size()}, generator) * 0.02;
    plane_.buffers += 0.2 * at::rand({graph_.buffers.size()}, generator);
    config_.grid = "3x2";
    config_.range = "-1:1,0:1";
    config_.bn_images = 30;
  }
  ~MapTest() override { request_stop(false); }

  static Graph build(const std::string& name) {
    ModelConfig model;
    model.name = name;
    model.width = 0.0625;
    return build_model(model, {3, 32, 32}, 10);
  }
  Surface map(const std::string& journal = "journal") {
    return map_landscape(plane_, config_, {graph_, data_, at::kCPU, ProgressMode::kQuiet}, folder_ / journal);
  }
  // The loss of a split at a point by plain eager arithmetic, with the batch norm statistics `buffers`.
  double eager_loss(const ImageSet& split, double x, double y, const at::Tensor& buffers) {
    const at::NoGradGuard no_grad;
    const ImageBatches images = on_device(split, data_.normalisation, at::kCPU);
    const at::Tensor weights = plane_.origin + x * plane_.d1 + y * plane_.d2;
    const at::Tensor logits = run_eager(graph_, graph_.parameters.views(weights), graph_.buffers.views(buffers),
                                        images.range(0, images.size()), NormMode::kEval);
    return at::cross_entropy_loss(logits.to(at::kDouble), split.labels).item<double>();
  }

  TempFolder folder_;
  // More images than one chunk has, and not a multiple of it.
  DataSet data_ = load_data({.train_images = 140, .test_images = 20});
  Graph graph_;
  Plane plane_;
  LandscapeConfig config_;
};

TEST_F(MapTest, EveryPointWithOriginStatisticsEqualsAPlainEvaluation) {
  config_.bn = BnMode::kOrigin;
  const Surface surface = map();
  for (std::size_t j = 0; j < surface.y.size(); ++j) {
    for (std::size_t i = 0; i < surface.x.size(); ++i) {
      const std::size_t at = j * surface.x.size() + i;
      const double test = eager_loss(data_.test, surface.x[i], surface.y[j], plane_.buffers);
      const double train = eager_loss(data_.train, surface.x[i], surface.y[j], plane_.buffers);
      EXPECT_NEAR(surface.values.at("test_loss")[at], test, 1e-5 * test);
      EXPECT_NEAR(surface.values.at("train_loss")[at], train, 1e-5 * train);
    }
  }
}

TEST_F(MapTest, RecomputedStatisticsAreThoseOfTheTrainingSubsetAtThePoint) {
  const Surface surface = map();
  const ImageBatches train = on_device(data_.train, data_.normalisation, at::kCPU);
  const at::Tensor buffers = initial_buffers(graph_);
  estimate_batch_norm(graph_, plane_.origin + surface.x[2] * plane_.d1 + surface.y[1] * plane_.d2, buffers,
                      train.range(0, 30));
  const double expected = eager_loss(data_.test, surface.x[2], surface.y[1], buffers);
  EXPECT_NEAR(surface.values.at("test_loss")[5], expected, 1e-5 * expected);
}

TEST_F(MapTest, BatchStatisticsDifferFromBothOthers) {
  const Surface recompute = map("a");
  config_.bn = BnMode::kOrigin;
  const Surface origin = map("b");
  config_.bn = BnMode::kBatch;
  const Surface batch = map("c");
  EXPECT_NE(batch.values.at("test_loss")[0], recompute.values.at("test_loss")[0]);
  EXPECT_NE(batch.values.at("test_loss")[0], origin.values.at("test_loss")[0]);
  EXPECT_EQ(batch.provenance.at("/landscape/bn"_json_pointer), "batch");
}

TEST_F(MapTest, APointDoesNotDependOnItsNeighbours) {
  const Surface many = map("a");
  config_.grid = "1x1";
  config_.range = "0.5:1.5,0.5:1.5";  // its middle is the last point of the grid above
  const Surface one = map("b");
  EXPECT_EQ(one.values.at("train_loss")[0], many.values.at("train_loss")[5]);
  EXPECT_EQ(one.values.at("test_acc")[0], many.values.at("test_acc")[5]);
}

TEST_F(MapTest, AStoppedMapGoesOnWithItsFinishedPoints) {
  const Surface whole = map("whole");
  request_stop(true);
  for (int stops = 0; stops < 5; ++stops) EXPECT_THROW(map("stopped"), Stopped);  // each call finishes one more point
  request_stop(false);
  const Surface resumed = map("stopped");
  EXPECT_EQ(resumed.values, whole.values);
  EXPECT_EQ(resumed.provenance.at("/landscape/points_evaluated"_json_pointer), 1);
}

TEST_F(MapTest, AJournalOfOtherSettingsIsRefused) {
  map("journal");
  config_.bn_images = 31;
  expect_error([&] { map("journal"); }, "other settings (landscape.bn_images: 30 there, 31 here)");
}

TEST_F(MapTest, PointsThatAreNotFiniteAreKeptAsTheyAre) {
  plane_.d1.fill_(std::numeric_limits<float>::max());
  const Surface surface = map();
  EXPECT_FALSE(std::isfinite(surface.values.at("train_loss")[0]));
  EXPECT_TRUE(std::isfinite(surface.values.at("train_loss")[1]));  // x = 0
  EXPECT_EQ(surface.values.at("train_acc")[0], 0);
}

TEST_F(MapTest, APlaneOfAnotherNetworkIsRefused) {
  plane_.origin = plane_.origin.slice(0, 1);
  expect_error([&] { map(); }, "another network");
}

TEST_F(MapTest, MoreImagesThanThereAreIsAnError) {
  config_.test_images = 21;
  expect_error([&] { map(); }, "landscape.test_images");
}

}  // namespace
}  // namespace thalweg
