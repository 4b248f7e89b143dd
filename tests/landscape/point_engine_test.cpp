// Compares points in float16 with float32: the engine's steps by plain arithmetic on a CPU, and by plans and graphs on
// a GPU.
#include "landscape/point_engine.h"

#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "base/stop.h"
#include "expect_error.h"
#include "gpu.h"
#include "io/temp_folder.h"
#include "kernels/conv_fixture.h"
#include "kernels/conv_taps.h"
#include "landscape/map.h"
#include "landscape/map_run.h"
#include "landscape/plane_problem.h"
#include "landscape/split_summary.h"
#include "models/models.h"
#include "nn/init.h"

namespace thalweg {
namespace {

// With 11 bits of mantissa through some 20 layers, an image's loss changes by up to some thousandths in either
// direction.
void expect_close(const ImageLosses& got, const ImageLosses& expected) {
  ASSERT_EQ(got.losses.size(), expected.losses.size());
  EXPECT_NEAR(mean_loss(got), mean_loss(expected), 1e-3 * mean_loss(expected));
  for (std::size_t i = 0; i < got.losses.size(); ++i) {
    EXPECT_NEAR(got.losses[i], expected.losses[i], 0.01 * (1 + expected.losses[i]));
    EXPECT_NEAR(got.margins[i], expected.margins[i], 0.02f * (1 + std::abs(expected.margins[i])));
  }
}

void expect_float32s(const PlaneProblem& problem, at::ScalarType type, c10::Device device) {
  PointEvaluator reduced = problem.evaluator(type, device), plain = problem.evaluator(at::kFloat);
  EXPECT_TRUE(reduced.may_fall_back());
  EXPECT_FALSE(plain.may_fall_back());
  for (const PlaneCoordinates& point : kPoints) {
    for (std::size_t split = 0; split < 2; ++split) {
      const ImageLosses got = at_point(reduced, point, split);
      EXPECT_FALSE(reduced.fell_back());
      expect_close(got, at_point(plain, point, split));
      if (problem.graph.has_batch_norm()) {
        EXPECT_TRUE(at::allclose(reduced.buffers().cpu(), plain.buffers(), 0.02, 0.02));
      }
    }
  }
}

class PointEngineOf : public testing::TestWithParam<const char*> {};

TEST_P(PointEngineOf, IsNearFloat32) {
  PlaneProblem problem(GetParam());
  expect_float32s(problem, at::kHalf, at::kCPU);
  problem.config.bn = BnMode::kOrigin;
  expect_float32s(problem, at::kHalf, at::kCPU);
}

INSTANTIATE_TEST_SUITE_P(Networks, PointEngineOf, testing::Values("resnet18", "resnet20", "vgg11", "vgg11_bn", "mlp"));

// The engine itself, without the router in front of it.
class Engine {
 public:
  Engine(const PlaneProblem& problem, const Batching& batching, c10::Device device = at::kCPU,
         ConvPlans* plans = nullptr)
      : splits_(make_splits(problem.data, device)),
        engine_({problem.graph,
                 {problem.plane.origin.to(device), problem.plane.d1.to(device), problem.plane.d2.to(device)},
                 problem.plane.buffers.to(device),
                 problem.graph.has_batch_norm() ? splits_[0].images.range(0, 30, at::kHalf) : at::Tensor(),
                 splits_,
                 device,
                 at::kHalf},
                plans, batching) {}
  PointEngine* operator->() { return &engine_; }

  // Evaluates all points in order, split by split.
  std::vector<ImageLosses> walk(bool ahead) {
    engine_.expect(kPoints, ahead);
    std::vector<ImageLosses> all;
    for (std::size_t point = 0; point < kPoints.size(); ++point) {
      for (std::size_t split = 0; split < splits_.size(); ++split) all.push_back(engine_.all(point, split).images);
    }
    return all;
  }

 private:
  static std::vector<LandscapeSplit> make_splits(const DataSet& data, c10::Device device) {
    const Normalisation& n = data.normalisation;
    std::vector<LandscapeSplit> splits;
    splits.push_back({"train", {data.train.images, data.train.labels, n.mean, n.std, device}, {}});
    splits.push_back({"test", {data.test.images, data.test.labels, n.mean, n.std, device}, {}});
    return splits;
  }
  std::vector<LandscapeSplit> splits_;
  PointEngine engine_;
};

void expect_same_walk(const std::vector<ImageLosses>& a, const std::vector<ImageLosses>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) expect_equal(a[k], b[k]);
}

TEST(PointEngine, GivesTheSameBitsWithAnyNumberOfPointsInFlight) {
  const PlaneProblem problem;
  const std::vector<ImageLosses> one = Engine(problem, {64, 1}).walk(false);
  expect_equal(one[0], one[8]);  // both are the origin
  for (const int lanes : {2, 8}) {
    Engine engine(problem, {64, lanes});
    expect_same_walk(engine.walk(true), one);
    expect_same_walk(engine.walk(false), one);
    expect_same_walk(engine.walk(true), one);  // with lanes still holding other points
  }
}

// Plans for a GPU that is not present cannot run.
TEST(PointEngine, TakesStatisticsWithoutPlansWhereTheyAreRefused) {
  const PlaneProblem problem;
  ConvPlans plans = ConvPlans::without_gpu(h200_properties(), {});
  Engine without(problem, {64, 1}), with(problem, {64, 2}, at::kCPU, &plans);
  expect_same_walk(with.walk(true), without.walk(true));
  EXPECT_EQ(without->refusal(), "");
  EXPECT_NE(with->refusal(), "");
}

// The CUDA test below relies on this.
TEST(PointEngine, WorkspaceBelowZeroLeavesNoPlan) {
  ConvPlans none = ConvPlans::without_gpu(h200_properties(), {.max_workspace = -1});
  expect_error(
      [&] {
        none.get({64, 8, 32, 32, 64, 3, 3, 1, 1, ActivationType::kFloat16}, ConvPass::kForwardBiasRelu);
      },
      "cuDNN has no deterministic plan");
}

TEST(PointEngine, GivesNearlyTheSameInChunksOfAnotherSize) {
  const PlaneProblem problem;
  const std::vector<ImageLosses> expected = Engine(problem, {64, 1}).walk(true);
  for (const std::int64_t chunk : {19, 140, 200}) {
    const std::vector<ImageLosses> got = Engine(problem, {chunk, 2}).walk(true);
    for (std::size_t k = 0; k < got.size(); ++k) expect_close(got[k], expected[k]);
  }
}

TEST(PointEngine, EvaluatesNamedImagesAsAmongAll) {
  const PlaneProblem problem;
  Engine engine(problem, {64, 2});
  const std::vector<ImageLosses> all = engine.walk(true);
  engine->expect({kPoints[1], kPoints[2]}, false);
  std::vector<std::int64_t> images;
  for (std::int64_t i = 0; i < 70; ++i) images.push_back((7 * i) % 140);  // more than a chunk
  for (const std::size_t point : {std::size_t{1}, std::size_t{0}}) {
    const ImageLosses got = engine->some(point, 0, images).images;
    ASSERT_EQ(got.losses.size(), images.size());
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto image = static_cast<std::size_t>(images[i]);
      EXPECT_NEAR(got.losses[i], all[2 * (point + 1)].losses[image], 0.01);
      EXPECT_EQ(got.losses.size(), got.margins.size());
    }
  }
  EXPECT_EQ(engine->some(0, 1, {19}).images.losses.size(), 1u);
}

// Expects a fallback for weights, and for activations, that float16 cannot represent.
void expect_fallback(PlaneProblem& problem, c10::Device device) {
  PointEvaluator plain = problem.evaluator(at::kFloat, device), reduced = problem.evaluator(at::kHalf, device);
  for (const auto& [point, falls] :
       {std::pair<PlaneCoordinates, bool>{{0, 0}, false}, {{1, 0}, true}, {{0, 1}, false}}) {
    const ImageLosses got = at_point(reduced, point, 0);
    EXPECT_EQ(reduced.fell_back(), falls);
    if (falls) expect_equal(got, at_point(plain, point, 0));
    const std::vector<std::int64_t> some = {3, 1};
    reduced.prepare({point});
    reduced.use(0);
    const ImageLosses two = reduced.evaluate(reduced.splits()[0], some);
    EXPECT_EQ(reduced.fell_back(), falls);
    EXPECT_NEAR(two.losses[0], got.losses[3], 0.01 * (1 + std::abs(got.losses[3])));
  }
}

PlaneProblem with_large_weights() {
  PlaneProblem problem("vgg11");
  problem.plane.d1[1] = 1e6f;
  return problem;
}

PlaneProblem with_large_activations() {
  PlaneProblem problem("vgg11");
  problem.plane.d1 = problem.plane.origin * 9;  // tenfold weights at x = 1: 10^9 times larger after the last layer
  EXPECT_LT(problem.plane.d1.abs().max().item<double>(), 100);
  return problem;
}

TEST(PointEngine, FallsBackToFloat32WhereFloat16Overflows) {
  PlaneProblem weights = with_large_weights(), activations = with_large_activations();
  expect_fallback(weights, at::kCPU);
  expect_fallback(activations, at::kCPU);
}

// A map made as by Mapping, but in float16 on a CPU, which no configuration allows.
class HalfMap : public testing::Test {
 protected:
  ~HalfMap() override { request_stop(false); }

  struct Made {
    Surface surface;
    std::size_t points = 0;
  };
  Made map(const PlaneProblem& problem, const std::function<void(MapRun&)>& make) {
    PointEvaluator evaluator = problem.evaluator(at::kHalf);
    const Grid grid = make_grid({3, 2}, {-1, 1, 0, 1});
    std::vector<std::string> names = exact_names(evaluator.splits(), 10);
    names.emplace_back(kFellBack);
    Journal journal(folder_ / "journal", {{"test", 1}}, names);
    MapRun run({grid, problem.config, evaluator, journal, 10}, ProgressMode::kQuiet);
    make(run);
    return {run.surface(), journal.points().size()};
  }
  TempFolder folder_;
};

TEST_F(HalfMap, SaysWhichPointsAreFloat32s) {
  const Made made = map(with_large_weights(), [](MapRun& run) { map_exactly(run); });
  EXPECT_EQ(made.surface.values.at("fell_back"), (std::vector<double>{1, 0, 1, 1, 0, 1}));
  EXPECT_EQ(made.surface.values.at("cell"), std::vector<double>(6, 0));
}

TEST_F(HalfMap, StoppedAndGoneOnWithHasTheSameBits) {
  const PlaneProblem problem;
  request_stop();
  EXPECT_THROW(map(problem, [](MapRun& run) { map_exactly(run); }), Stopped);
  request_stop(false);
  const Made resumed = map(problem, [](MapRun& run) {
    EXPECT_EQ(run.journal().points().size(), 1u);
    map_exactly(run);
  });
  std::filesystem::remove(folder_ / "journal");
  EXPECT_EQ(map(problem, [](MapRun& run) { map_exactly(run); }).surface.values, resumed.surface.values);
}

TEST_F(HalfMap, AFailingGpuLeavesTheJournalWhole) {
  const PlaneProblem problem;
  const auto failing = [&](const std::string& what) {
    return [&problem, what](MapRun& run) {
      run.evaluate_points("test", run.all_points(), [&](std::size_t point) {
        if (point == 4) throw std::runtime_error(what);
        return Journal::Point{std::vector<double>(run.journal().names().size() - 1, static_cast<double>(point)), {}};
      });
    };
  };
  expect_error(
      [&] { map(problem, failing("\nCUDA error: unspecified launch failure\nmore")); },
      "the GPU failed after 4 of 6 points: CUDA error: unspecified launch failure; the finished points are safe");
  EXPECT_THROW(map(problem, failing("anything else")), std::runtime_error);
  const Made rest = map(problem, [](MapRun& run) { map_exactly(run); });
  EXPECT_EQ(rest.points, 6u);
  EXPECT_EQ(rest.surface.values.at("train_loss")[3], 3);  // from the journal
}

TEST_F(HalfMap, OfACpuIsRefused) {
  PlaneProblem problem;
  problem.config.precision = at::kHalf;
  const MapContext context{problem.graph, problem.data, at::kCPU, ProgressMode::kQuiet};
  expect_usage_error([&] { map_landscape(problem.plane, problem.config, context, folder_ / "journal"); },
                     "float16 needs a GPU; on a CPU, use bf16");
}

TEST_F(HalfMap, AutoIsTheDevicesFastest) {
  PlaneProblem problem;
  problem.config.precision = read_landscape_config(ConfigReader({{"precision", "auto"}}, "landscape")).precision;
  EXPECT_EQ(to_json(problem.config).at("precision"), "auto");
  EXPECT_EQ(resolve_precision(problem.config, kGpu).precision, at::kHalf);
  const bool has_bf16 = word_products(ActivationType::kBFloat16) != WordProducts::kNone;
  EXPECT_EQ(resolve_precision(problem.config, at::kCPU).precision, has_bf16 ? at::kBFloat16 : at::kFloat);
  problem.config.bn = BnMode::kBatch;
  EXPECT_EQ(resolve_precision(problem.config, kGpu).precision, at::kFloat);
  // The surface records the precision that was chosen.
  problem.config.bn = BnMode::kOrigin;
  problem.config.grid = "2x2";
  const MapContext context{problem.graph, problem.data, at::kCPU, ProgressMode::kQuiet};
  const Surface surface = map_landscape(problem.plane, problem.config, context, folder_ / "journal");
  EXPECT_EQ(surface.provenance.at("landscape").at("precision"), has_bf16 ? "bf16" : "float32");
}

// Reported as skipped without a GPU.
class CudaPointEngine : public GpuTest {
 protected:
  TempFolder folder_;
};

TEST_F(CudaPointEngine, IsNearTheCpusFloat32) {
  for (const char* model : {"resnet18", "resnet20", "vgg11", "vgg11_bn", "mlp"}) {
    PlaneProblem problem(model);
    expect_float32s(problem, at::kHalf, kGpu);
    problem.config.bn = BnMode::kOrigin;
    expect_float32s(problem, at::kHalf, kGpu);
  }
}

// The same plans and kernels run plainly, captured and replayed, with one lane or several.
TEST_F(CudaPointEngine, GivesTheSameBitsPlainlyAndByGraphs) {
  const PlaneProblem problem;
  ConvPlans plans = start_plans({.tune = true});
  Engine first(problem, {64, 1}, kGpu, &plans);
  const std::vector<ImageLosses> expected = first.walk(false);
  expect_equal(expected[0], expected[8]);  // the first point runs plainly, the fifth is replayed
  for (int k = 0; k < 3; ++k) expect_same_walk(first.walk(true), expected);
  for (const int lanes : {2, 4}) {
    Engine engine(problem, {64, lanes}, kGpu, &plans);
    for (int k = 0; k < 4; ++k) expect_same_walk(engine.walk(true), expected);
    EXPECT_EQ(engine->refusal(), "");
  }
}

TEST_F(CudaPointEngine, GoesThroughATenWhereThereAreNoPlans) {
  const PlaneProblem problem;
  ConvPlans plans = start_plans({});
  ConvPlans none = start_plans({.max_workspace = -1});  // exceeded by every plan
  const std::vector<ImageLosses> expected = Engine(problem, {64, 2}, kGpu, &plans).walk(true);
  Engine engine(problem, {64, 2}, kGpu, &none);
  const std::vector<ImageLosses> got = engine.walk(true);
  EXPECT_NE(engine->refusal(), "");
  for (std::size_t k = 0; k < got.size(); ++k) expect_close(got[k], expected[k]);
}

TEST_F(CudaPointEngine, EvaluatesNamedImagesAsAmongAll) {
  const PlaneProblem problem;
  ConvPlans plans = start_plans({});
  Engine engine(problem, {64, 2}, kGpu, &plans);
  const std::vector<ImageLosses> all = engine.walk(true);
  engine->expect(kPoints, false);
  for (int k = 0; k < 3; ++k) {
    const ImageLosses got = engine->some(1, 0, {139, 0, 70}).images;
    EXPECT_NEAR(got.losses[0], all[2].losses[139], 0.01);
    EXPECT_NEAR(got.losses[2], all[2].losses[70], 0.01);
  }
}

TEST_F(CudaPointEngine, FallsBackToFloat32WhereFloat16Overflows) {
  PlaneProblem weights = with_large_weights(), activations = with_large_activations();
  expect_fallback(weights, kGpu);
  expect_fallback(activations, kGpu);
}

TEST_F(CudaPointEngine, AMapMadeAgainByItsPlansHasTheSameBits) {
  PlaneProblem problem;
  problem.config.precision = at::kHalf;
  const MapContext context{problem.graph, problem.data, kGpu, ProgressMode::kQuiet};
  const Surface first = map_landscape(problem.plane, problem.config, context, folder_ / "map.h5.journal");
  EXPECT_EQ(first.provenance.at("landscape").at("engine").at("path"), "graphs");
  EXPECT_LT(first.provenance.at("landscape").at("audit").at("largest_deviation").at("test").get<double>(), 3e-3);
  ASSERT_TRUE(std::filesystem::exists(folder_ / "map.h5.plans.json"));
  remove_journal(folder_ / "map.h5.journal");
  const Surface second = map_landscape(problem.plane, problem.config, context, folder_ / "map.h5.journal");
  EXPECT_EQ(second.values, first.values);
}

}  // namespace
}  // namespace thalweg
