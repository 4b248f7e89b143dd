// Compares adaptive maps with exact ones.
#include <map>

#include "landscape/adaptive_certificate.h"
#include "landscape/bowl_fixture.h"
#include "landscape/split_summary.h"

namespace thalweg {
namespace {

// A bowl steep enough that the losses of single images vary differently.
class AdaptiveMap : public BowlTest {
 protected:
  AdaptiveMap() { scale_directions(); }
  // "train_class_loss/3" -> "train_class_loss_stderr/3"
  static std::string error_of(std::string name) {
    return name.insert(std::min(name.find('/'), name.size()), "_stderr");
  }
  std::int64_t split_size(const std::string& split) const {
    return static_cast<std::int64_t>(split == "train" ? data_.train.size() : data_.test.size());
  }
  void scale_directions() {
    plane_.d1.mul_(10);
    plane_.d2.mul_(10);
  }
};

TEST_F(AdaptiveMap, KeepsItsTolerance) {
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

TEST_F(AdaptiveMap, StatesErrorsThatHoldOnTenSurfaces) {
  std::size_t outside = 0, points = 0, within = 0, estimated = 0;
  // By name and cell: the number of values within 1.96 standard errors, and of all values.
  std::map<std::string, std::pair<double, double>> further;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    set_directions(seed);
    scale_directions();
    config_.grid = "13x13";
    Surface truth = map(config_, "exact" + std::to_string(seed));
    LandscapeConfig adaptive = config_;
    adaptive.tolerance = "1%";
    adaptive.seed = static_cast<std::int64_t>(seed);
    Surface s = map(adaptive, "adaptive" + std::to_string(seed));
    const nlohmann::json about = notes(s).at("adaptive");
    EXPECT_TRUE(about.at("certified").get<bool>()) << seed;
    for (const std::string split : {"train", "test"}) {
      const double allowed = about.at("tolerance").at(split).get<double>();
      const std::vector<double>& cells = s.values.at("cell");
      for (std::size_t i = 0; i < cells.size(); ++i) {
        const double off = std::abs(s.values.at(split + "_loss")[i] - truth.values.at(split + "_loss")[i]);
        const double error = s.values.at(split + "_loss_stderr")[i];
        outside += off > allowed;
        ++points;
        if (error == 0) continue;
        within += off <= 1.96 * error;
        ++estimated;
      }
      for (const std::string& name : summary_names(split, 10)) {
        const double* const value = layer(s, name);
        const double* const right = layer(truth, name);
        const double* const errors = layer(s, error_of(name));
        for (std::size_t i = 0; i < cells.size(); ++i) {
          if (cells[i] == static_cast<double>(Cell::kExact)) {
            EXPECT_EQ(value[i], right[i]) << name;
            EXPECT_EQ(errors[i], 0) << name;
          } else if (s.values.at(split + "_images")[i] < static_cast<double>(split_size(split))) {
            const bool drawn = cells[i] == static_cast<double>(Cell::kEstimated);
            auto& [held, all] = further[name + (drawn ? ", estimated" : ", interpolated")];
            held += std::abs(value[i] - right[i]) <= 1.96 * errors[i] ? 1 : 0;
            all += 1;
          }
        }
      }
    }
  }
  EXPECT_LT(static_cast<double>(outside), 0.005 * static_cast<double>(points));
  EXPECT_GT(static_cast<double>(within), 0.9 * static_cast<double>(estimated));
  EXPECT_GT(estimated, points / 4);
  for (const auto& [name, held] : further) EXPECT_GE(held.first, 0.85 * held.second) << name;
}

// A ridge in x that the points of the coarse levels miss: it spans -0.6 to -0.4, and the points beside it are at -2/3
// and -1/3.
class HiddenRidge : public AdaptiveMap {
 protected:
  HiddenRidge() {
    plane_.origin.zero_();
    plane_.d1.zero_();
    plane_.d2.zero_();
    add_ridge(0, -0.5, 0.1);
    of(plane_.d2, "fc2.bias")[1] = 0.5;
    config_.grid = "13x13";
    config_.tolerance = "0.02";
  }
  // Adds a ridge 3 logits high, using three of the hidden units.
  void add_ridge(std::int64_t index, double middle, double half_width) {
    const at::Tensor hidden_bias = of(plane_.origin, "fc1.bias"), out = of(plane_.origin, "fc2.weight");
    const double slope = 3 / half_width;
    const double corners[] = {middle - half_width, middle, middle + half_width}, slopes[] = {slope, -2 * slope, slope};
    for (std::int64_t k = 0; k < 3; ++k) {
      const std::int64_t unit = 3 * index + k;
      hidden_bias[unit] = -corners[k];
      of(plane_.d1, "fc1.bias")[unit] = 1;
      out[0][unit] = slopes[k];
    }
  }
  at::Tensor of(const at::Tensor& weights, const std::string& name) const {
    const std::vector<LayoutEntry>& entries = graph_.parameters.entries();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].name == name) return graph_.parameters.views(weights)[i];
    }
    throw std::out_of_range(name);
  }
};

TEST_F(HiddenRidge, IsFoundByTheAuditAndMappedThen) {
  const Surface s = map(config_, "ridge");
  const nlohmann::json about = notes(s).at("adaptive");
  EXPECT_GT(about.at("passes").get<int>(), 1);
  config_.tolerance = "";
  const Surface truth = map(config_, "truth");
  EXPECT_GT(range(truth.values.at("train_loss")), 0.5);
  EXPECT_TRUE(about.at("certified").get<bool>());
  std::size_t outside = 0;
  for (std::size_t i = 0; i < 169; ++i) {
    const double off = std::abs(s.values.at("train_loss")[i] - truth.values.at("train_loss")[i]);
    outside += off > 0.02;
  }
  EXPECT_LE(outside, 169 / 20);  // the certificate allows at most 5 %
}

// Ridges between the points of the second to last level; each audit finds only some of them.
TEST_F(HiddenRidge, OfManyIsNotCertifiedAfterTheLastPass) {
  constexpr int kSide = 97;
  for (const int index : {0, 1, 2, 3, 4, 5, 6, 7}) add_ridge(index, -1 + 2.0 / (kSide - 1) * (12 * index + 7), 0.02);
  config_.grid = fmt::format("{0}x{0}", kSide);
  config_.train = false;
  config_.test_images = 200;
  const nlohmann::json about = notes(map(config_, "ridges")).at("adaptive");
  EXPECT_EQ(about.at("passes"), kPasses);
  EXPECT_GT(about.at("violations"), 0);
  EXPECT_FALSE(about.at("certified").get<bool>());
}

TEST_F(HiddenRidge, IsMappedToTheSameBitsWhereverOneStops) {
  const Surface whole = map(config_, "whole");
  request_stop(true);
  std::optional<Surface> resumed;
  for (int stops = 0; !resumed; ++stops) {
    ASSERT_LT(stops, 1000);
    try {
      resumed = map(config_, "stopped");
    } catch (const Stopped&) {
    }
  }
  request_stop(false);
  EXPECT_EQ(resumed->values, whole.values);
  EXPECT_EQ(resumed->stacks, whole.stacks);
  EXPECT_EQ(notes(*resumed).at("adaptive"), notes(whole).at("adaptive"));
}

TEST_F(AdaptiveMap, GoesOnAfterStopsToTheSameBits) {
  LandscapeConfig adaptive = config_;
  adaptive.tolerance = "2%";
  const Surface whole = map(adaptive, "whole");
  request_stop(true);
  for (int stops = 0; stops < 12; ++stops) EXPECT_THROW(map(adaptive, "stopped"), Stopped);
  request_stop(false);
  const Surface resumed = map(adaptive, "stopped");
  EXPECT_EQ(resumed.values, whole.values);
  EXPECT_EQ(resumed.stacks, whole.stacks);
  EXPECT_EQ(notes(resumed).at("adaptive"), notes(whole).at("adaptive"));
}

// The second level has 1 of 5 coordinates, and none of 4.
TEST_F(AdaptiveMap, IsMappedWhereTheSecondLevelIsSmallOrThereIsNone) {
  const std::vector<std::pair<const char*, int>> grids = {{"5x4", 2}, {"4x5", 2}, {"5x1", 2}, {"4x4", 1}, {"2x2", 1}};
  for (const auto& [grid, levels] : grids) {
    config_.grid = grid;
    LandscapeConfig adaptive = config_;
    adaptive.tolerance = "5%";
    const Surface s = map(adaptive, std::string("few") + grid);
    EXPECT_LE(largest(s.values.at("test_loss"), map(config_, std::string("all") + grid).values.at("test_loss")),
              0.06 * range(s.values.at("test_loss")))
        << grid;
    const std::vector<double>& cells = s.values.at("cell");
    if (levels == 1) {
      EXPECT_EQ(cells, std::vector<double>(cells.size(), 0)) << grid;
    }
  }
}

TEST_F(AdaptiveMap, APointThatOverflowsIsEvaluatedExactly) {
  plane_.d1.mul_(1e38f);
  LandscapeConfig adaptive = config_;
  adaptive.grid = "13x13";
  adaptive.tolerance = "0.1";
  const Surface s = map(adaptive, "overflow");
  EXPECT_FALSE(std::isfinite(s.values.at("train_loss")[0]));
  EXPECT_EQ(s.values.at("cell")[0], static_cast<double>(Cell::kExact));
  EXPECT_TRUE(std::isfinite(s.values.at("train_loss")[6]));  // x = 0
}

TEST_F(AdaptiveMap, IsShownInTheMakingWithItsGapsInterpolated) {
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

}  // namespace
}  // namespace thalweg
