// Compares sampled maps and maps in reduced precision with exact ones in float32.
#include <cmath>

#include "expect_error.h"
#include "landscape/audit.h"
#include "landscape/bowl_fixture.h"
#include "landscape/plane_problem.h"

namespace thalweg {
namespace {

class MapModes : public BowlTest {};

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
        for (const char* split : {"train", "test"}) {
          const double error = s.values.at(std::string(split) + "_loss_stderr")[at];
          if (s.values.at("cell")[at] == static_cast<double>(Cell::kExact)) {
            EXPECT_EQ(error, 0);
            continue;
          }
          // Both grids share columns 0, 4, 8, ... of the exact map, and those of its rows 0, 3.5, 7, ... that are
          // whole.
          if (j % 2 != 0) continue;
          const double truth = exact().values.at(std::string(split) + "_loss")[(j * 14 / 4) * 17 + i * 4];
          const double score = (s.values.at(std::string(split) + "_loss")[at] - truth) / error;
          squares += score * score;
          ++count;
        }
      }
    }
  }
  // The mean squared score is 1 if the errors are right; the tolerance is wide because the points of a map share their
  // sample.
  EXPECT_GT(squares / static_cast<double>(count), 0.5);
  EXPECT_LT(squares / static_cast<double>(count), 1.8);
}

TEST_F(MapModes, ASampledMapHoldsWhatAnExactOneDoes) {
  LandscapeConfig sampled = config_;
  sampled.grid = "5x5";
  sampled.images = 10000;  // all of them
  const Surface all = map(sampled, "all");
  sampled.images = 150;
  const Surface some = map(sampled, "some");
  const std::vector<double>& cells = all.values.at("cell");
  EXPECT_EQ(std::ranges::count(cells, static_cast<double>(Cell::kExact)), 25);
  EXPECT_EQ(std::ranges::count(some.values.at("cell"), static_cast<double>(Cell::kExact)), 1);  // the middle
  constexpr std::size_t kPoint = 0, kSameOfExact = 0;  // a corner of both grids
  for (const char* name : {"train_margin", "test_loss_q25", "test_loss_q95"}) {
    const double truth = exact().values.at(name)[kSameOfExact];
    const std::string error = std::string(name) + "_stderr";
    EXPECT_NEAR(all.values.at(name)[kPoint], truth, 1e-6 * std::abs(truth)) << name;
    EXPECT_NEAR(all.values.at(error)[kPoint], 0, 1e-9) << name;
    EXPECT_GT(some.values.at(error)[kPoint], 0) << name;
    EXPECT_NEAR(some.values.at(name)[kPoint], truth, 5 * some.values.at(error)[kPoint]) << name;
  }
  for (const char* name : {"train_class_loss", "test_class_acc"}) {
    const std::vector<double>& truth = exact().stacks.at(name);
    const std::vector<double>&of_all = all.stacks.at(name), &of_some = some.stacks.at(name);
    const std::vector<double>& errors = some.stacks.at(std::string(name) + "_stderr");
    ASSERT_EQ(of_all.size(), 10 * 25u);
    ASSERT_EQ(errors.size(), 10 * 25u);
    for (std::size_t c = 0; c < 10; ++c) {
      const double value = truth[c * exact().x.size() * exact().y.size() + kSameOfExact];
      EXPECT_NEAR(of_all[c * 25 + kPoint], value, 1e-6 * std::abs(value)) << name << "/" << c;
      EXPECT_NEAR(of_some[c * 25 + kPoint], value, 6 * errors[c * 25 + kPoint] + 1e-6) << name << "/" << c;
    }
  }
}

TEST_F(MapModes, AStandardErrorAskedForIsKept) {
  const auto largest_error = [](const Surface& s, const std::string& split) {
    return std::ranges::max(s.values.at(split + "_loss_stderr"));
  };
  LandscapeConfig sampled = config_;
  sampled.grid = "5x5";
  sampled.standard_error = 0.02;
  const Surface s = map(sampled, "stderr");
  sampled.standard_error = 0.6 * std::min(largest_error(s, "train"), largest_error(s, "test"));
  const Surface finer = map(sampled, "finer");
  for (const std::string split : {"train", "test"}) {
    EXPECT_LE(largest_error(s, split), 0.02) << split;
    EXPECT_GT(largest_error(s, split), 0.002) << split;
    EXPECT_LE(largest_error(finer, split), sampled.standard_error) << split;
    const std::vector<double>& images = finer.values.at(split + "_images");
    const double all = std::ranges::max(images);        // that of the middle point
    EXPECT_GE(std::ranges::min(images), 250) << split;  // 256 before rounding the shares of classes
    EXPECT_TRUE(std::ranges::any_of(images, [&](double n) { return n > 300 && n < all; })) << split;
  }
}

TEST_F(MapModes, ReducedPrecisionIsAuditedAndMadeAgainWhereItDeviates) {
  config_.grid = "5x5";
  LandscapeConfig reduced = config_;
  reduced.precision = at::kBFloat16;
  const Surface s = map(reduced, "bf16");
  const nlohmann::json audit = notes(s).at("audit");
  EXPECT_EQ(audit.at("points"), 8);
  EXPECT_EQ(audit.at("excess"), "");
  EXPECT_GT(audit.at("largest_deviation").at("test").get<double>(), 0);
  EXPECT_LT(audit.at("largest_deviation").at("test").get<double>(), 0.005);
  EXPECT_EQ(notes(s).at("precision"), "bf16");
  EXPECT_NE(s.values.at("test_loss"), exact().values.at("test_loss"));
  EXPECT_LT(largest(s.values.at("test_loss"), exact().values.at("test_loss")), 0.02);
  const double difference = audit.at("largest_difference").at("test").get<double>();
  EXPECT_GT(difference, 0);
  LandscapeConfig sampled = reduced;
  sampled.standard_error = 1e-2 * difference;  // exceeded by rounding alone
  const nlohmann::json fine = notes(map(sampled, "fine")).at("audit");
  EXPECT_EQ(fine.at("made_again_in"), "float32");
  EXPECT_EQ(fine.at("excess"), "difference");
  sampled.standard_error = 1e2 * difference;
  EXPECT_FALSE(notes(map(sampled, "coarse")).at("audit").contains("made_again_in"));
  LandscapeConfig adaptive = reduced;
  adaptive.grid = "17x15";
  adaptive.tolerance = std::to_string(1e-2 * difference);
  EXPECT_EQ(notes(map(adaptive, "tight")).at("audit").at("made_again_in"), "float32");
  reduced.max_deviation = 1e-9;
  const Surface again = map(reduced, "strict");
  EXPECT_EQ(notes(again).at("precision"), "float32");
  EXPECT_EQ(notes(again).at("audit").at("made_again_in"), "float32");
  EXPECT_EQ(notes(again).at("audit").at("excess"), "deviation");
  EXPECT_EQ(again.values.at("test_loss"), exact().values.at("test_loss"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "strict.float32"));
  remove_journal(folder_ / "strict");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "strict.float32"));
}

TEST(ExcessOfAnAudit, NamesTheLimitThatIsExceededTheDeviationFirst) {
  nlohmann::json audit = {{"limit", 0.005},
                          {"largest_deviation", {{"train", 0.005}, {"test", 0.001}}},
                          {"largest_difference", {{"train", 0.02}, {"test", 0.03}}}};
  EXPECT_EQ(excess_of(audit), "");
  audit["difference_limit"] = {{"train", 0.02}, {"test", 0.03}};
  EXPECT_EQ(excess_of(audit), "");
  audit["difference_limit"]["test"] = 0.029;
  EXPECT_EQ(excess_of(audit), "difference");
  for (const double above : {0.0051, double{INFINITY}, std::nan("")}) {
    audit["largest_deviation"]["test"] = above;
    EXPECT_EQ(excess_of(audit), "deviation") << above;
  }
}

TEST_F(MapModes, ACheckpointThatWasEvaluatedOtherwiseIsAnError) {
  plane_.provenance = {{"data_digest", data_.digest},
                       {"origin_final", {{"test_loss", exact().values.at("test_loss")[127]}}}};
  config_.grid = "1x1";
  map(config_, "right");  // compare with point 127, the middle and the plane's origin
  plane_.provenance["origin_final"]["test_loss"] = 1.01 * exact().values.at("test_loss")[127];
  expect_error([&] { map(config_, "wrong"); }, "when it was evaluated");
}

// A network with batch norm. The plane's origin is a checkpoint with the recorded losses that a map with its own
// statistics gives.
class CheckpointAtTheOrigin : public testing::Test {
 protected:
  CheckpointAtTheOrigin() {
    problem_.config.grid = "1x1";
    problem_.config.range = "-1:1,-1:1";
    LandscapeConfig own = problem_.config;
    own.bn = BnMode::kOrigin;
    const Surface surface = map(own, "own");
    for (const char* key : {"train_loss", "test_loss"}) losses_[key] = surface.values.at(key)[0];
    says(losses_);
  }
  void says(const nlohmann::json& losses) {
    problem_.plane.provenance = {{"data_digest", problem_.data.digest}, {"origin_final", losses}};
  }
  // Records a loss that the checkpoint does not have.
  void is_wrong_about(const std::string& key) {
    says(losses_);
    problem_.plane.provenance["origin_final"][key] = 1.01 * losses_.at(key).get<double>();
  }
  nlohmann::json note(const LandscapeConfig& config, const std::string& journal) {
    return map(config, journal).provenance.at("landscape").at("checkpoint");
  }
  Surface map(const LandscapeConfig& config, const std::string& journal) {
    return map_landscape(problem_.plane, config, {problem_.graph, problem_.data, at::kCPU, ProgressMode::kQuiet},
                         folder_ / journal);
  }

  TempFolder folder_;
  PlaneProblem problem_;
  nlohmann::json losses_;
};

TEST_F(CheckpointAtTheOrigin, IsComparedWhateverTheMapsOwnStatisticsAre) {
  for (const BnMode mode : {BnMode::kRecompute, BnMode::kOrigin, BnMode::kBatch}) {
    LandscapeConfig config = problem_.config;
    config.bn = mode;
    const std::string name = to_json(config).at("bn");
    says(losses_);
    EXPECT_EQ(note(config, "right-" + name), losses_);
    is_wrong_about("train_loss");
    expect_error([&] { map(config, "wrong-" + name); }, "train loss");
  }
}

TEST_F(CheckpointAtTheOrigin, IsComparedOnTheSmallerSplitWhereTheMapTakesAllImagesOfNone) {
  LandscapeConfig config = problem_.config;
  config.train_images = config.test_images = 10;
  EXPECT_EQ(note(config, "right"), nlohmann::json({{"test_loss", losses_.at("test_loss")}}));
  is_wrong_about("train_loss");
  map(config, "unseen");
  is_wrong_about("test_loss");
  expect_error([&] { map(config, "wrong"); }, "test loss");
}

TEST_F(CheckpointAtTheOrigin, IsNoneWhereTheOriginIsAMeanOrTheImagesAreOthers) {
  problem_.plane.provenance = {{"origin", "mean"}};
  EXPECT_NE(note(problem_.config, "mean").at("none").get<std::string>().find("mean of snapshots"), std::string::npos);
  is_wrong_about("test_loss");
  problem_.plane.provenance["data_digest"] = "others";
  EXPECT_NE(note(problem_.config, "others").at("none").get<std::string>().find("other images"), std::string::npos);
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
  expect_usage_error([&] { read(two); }, "set only one of them");
  expect_usage_error([&] { read(batch); }, "exact map");
}

}  // namespace
}  // namespace thalweg
