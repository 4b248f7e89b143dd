#include "report/map_notes.h"

#include <cmath>

#include <gtest/gtest.h>

#include "report/text_checks.h"

namespace thalweg {
namespace {

using nlohmann::json;

Surface map_of(json landscape) {
  Surface s;
  s.x = {0, 1};
  s.y = {0, 1};
  s.values["train_loss"] = s.values["test_loss"] = {1, 1, 1, 1};
  landscape["train_images"] = 2000;
  landscape["test_images"] = 1000;
  s.provenance = {{"landscape", std::move(landscape)}};
  return s;
}

// A map with one exact point and three estimated ones.
Surface estimated_map(json landscape) {
  Surface s = map_of(std::move(landscape));
  s.values["cell"] = {0, 1, 1, 1};
  s.values["train_images"] = {2000, 400, 400, 400};
  s.values["test_images"] = {1000, 300, 200, 250};
  s.values["train_loss_stderr"] = {0, 0.01, 0.02, 0.005};
  s.values["test_loss_stderr"] = {0, 0.01, NAN, 0.03};
  return s;
}

const json kAdaptive = {{"exact_points", 1},
                        {"audited", 59},
                        {"violations", 0},
                        {"certified", true},
                        {"tolerance", {{"train", 0.02}, {"test", 0.03}}},
                        {"largest_deviation", {{"train", 0.001}, {"test", 0.002}}}};

TEST(MapNotes, SayHowManyImagesAnExactMapTook) {
  EXPECT_EQ(how_values_came(map_of({{"precision", "float32"}})),
            "Exact map: every value is computed over all 2000 train and 1000 test images.");
  EXPECT_FALSE(needs_warning(map_of(json::object())));
}

TEST(MapNotes, AreNoneOfAMapThatSaysNothing) {
  Surface s = map_of(json::object());
  s.provenance = json::object();
  EXPECT_EQ(how_values_came(s), "");
}

TEST(MapNotes, TellSampleSizesAndTheLargestStandardErrors) {
  EXPECT_EQ(how_values_came(estimated_map(json::object())),
            "Sampled map: 3 points are estimated from a sample of 400 train and 200 to 300 test images, 1 point is "
            "exact (all 2000 train and 1000 test images); the largest "
            "standard error of the loss is 0.02 nats (train), 0.03 nats (test).");
}

TEST(MapNotes, TellAnAdaptiveMapsTolerancesAndAudit) {
  const Surface s = estimated_map({{"adaptive", kAdaptive}});
  const std::string text = how_values_came(s);
  for (const char* part : {"1 point is exact", "3 points are estimated", "within 0.02 nats (train), 0.03 nats (test)",
                           "Certified: none of 59 audited points deviates by more", "0.001 nats (train)"}) {
    EXPECT_TRUE(contains(text, part)) << part << "\n" << text;
  }
  EXPECT_FALSE(needs_warning(s));
}

TEST(MapNotes, SayThatErrorsAreOfTheReducedPrecision) {
  const json audit = {{"precision", "bf16"},
                      {"points", 8},
                      {"limit", 0.005},
                      {"largest_deviation", {{"train", 0.001}, {"test", 0.002}}},
                      {"largest_difference", {{"train", 0.0015}, {"test", 0.0035}}}};
  const std::string said = "do not include this deviation, which is up to 0.0015 nats (train), 0.0035 nats (test).";
  const json notes = {{"audit", audit}, {"precision", "bf16"}};
  EXPECT_TRUE(contains(how_values_came(estimated_map(notes)), said));
  EXPECT_FALSE(contains(how_values_came(map_of(notes)), "do not include this deviation"));
  json earlier = notes;  // a map by an earlier version, without this field
  earlier["audit"].erase("largest_difference");
  EXPECT_FALSE(contains(how_values_came(estimated_map(earlier)), "do not include this deviation"));
}

TEST(MapNotes, SayWhyAMapWasMadeAgain) {
  json audit = {{"precision", "bf16"},
                {"limit", 0.005},
                {"made_again_in", "float32"},
                {"excess", "difference"},
                {"largest_deviation", {{"train", 0.001}, {"test", 0.002}}},
                {"largest_difference", {{"train", 0.0015}, {"test", 0.0035}}}};
  const auto said = [&] { return how_values_came(map_of({{"audit", audit}, {"precision", "float32"}})); };
  EXPECT_TRUE(contains(said(), "by up to 0.0015 nats (train), 0.0035 nats (test), more than the requested error, so"));
  audit["excess"] = "deviation";
  audit["largest_deviation"]["test"] = 0.02;
  const std::string of_the_loss = "by up to 0.1 % (train), 2 % (test) of the loss (the limit is 0.5 %), so";
  EXPECT_TRUE(contains(said(), of_the_loss));
  audit.erase("excess");  // a map by an earlier version, without this field
  EXPECT_TRUE(contains(said(), of_the_loss));
}

TEST(MapNotes, LeaveOutWhatAMapHasNot) {
  Surface s = estimated_map({{"adaptive", kAdaptive}});
  for (double& cell : s.values["cell"]) cell = static_cast<double>(Cell::kExact);
  s.values["cell"].back() = static_cast<double>(Cell::kInterpolated);
  EXPECT_FALSE(contains(how_values_came(s), "estimated"));
  Surface lost = estimated_map(json::object());
  lost.values["train_loss_stderr"] = {NAN, NAN, NAN, NAN};
  EXPECT_TRUE(contains(how_values_came(lost), "of the loss is not finite (train), 0.03 nats (test)."));
  lost.values["train_loss_stderr"] = {NAN, 0, NAN, NAN};
  lost.values["cell"] = {1, 0, 1, 1};  // the exact point's error of 0 says nothing of the others
  EXPECT_TRUE(contains(how_values_came(lost), "of the loss is not finite (train), 0.03 nats (test)."));
}

TEST(MapNotes, WarnOfAMapThatIsNotCertified) {
  json adaptive = kAdaptive;
  adaptive["violations"] = 3;
  adaptive["certified"] = false;
  const Surface s = estimated_map({{"adaptive", adaptive}});
  EXPECT_TRUE(contains(how_values_came(s), "NOT certified: 3 of 59 audited points deviate by more"));
  EXPECT_TRUE(needs_warning(s));
}

TEST(MapNotes, CountTheKindsOfPointsOfAnUnfinishedMap) {
  Surface s = estimated_map({{"unfinished", true}, {"precision", "bf16"}});
  s.values["cell"] = {0, 1, 2, 3};
  EXPECT_EQ(count_cells(s), (std::array<std::size_t, 4>{1, 1, 1, 1}));
  const std::string text = how_values_came(s);
  EXPECT_TRUE(contains(text, "unfinished. State of its 4 points: 1 exact, 1 estimated, 1 only interpolated, 1 missing"))
      << text;
  EXPECT_TRUE(contains(text, "not compared with float32 yet")) << text;
  EXPECT_TRUE(needs_warning(s));
}

TEST(MapNotes, TellTheAuditOfReducedPrecision) {
  json audit = {{"points", 8}, {"limit", 0.005}, {"largest_deviation", {{"train", 0.0011}, {"test", nullptr}}}};
  EXPECT_TRUE(
      contains(how_values_came(map_of({{"precision", "bf16"}, {"audit", audit}})),
               "at 8 audited points the loss deviates from float32 by up to 0.11 % (train), not finite (test); the "
               "limit is 0.5 %"));
  audit["made_again_in"] = "float32";
  EXPECT_TRUE(contains(how_values_came(map_of({{"precision", "float32"}, {"audit", audit}})), "made in float32"));
}

}  // namespace
}  // namespace thalweg
