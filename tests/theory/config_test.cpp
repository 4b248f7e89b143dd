#include "theory/config.h"

#include <filesystem>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "io/strict_json.h"
#include "tests/expect_error.h"
#include "tests/theory/fixture.h"

namespace thalweg {
namespace {

void expect_refused(const nlohmann::json& changes, const std::string& text) {
  nlohmann::json json = small_theory_json();
  json["theory"].merge_patch(changes);
  expect_usage_error([&] { make_cells(read_theory_config(json)); }, text);
}

TEST(TheoryConfigTest, RangesBecomeListsAndItReadsBackAsItself) {
  nlohmann::json json = small_theory_json();
  json["theory"]["rates"] = {{"from", 0.001}, {"to", 0.1}, {"count", 3}};
  json["theory"]["decay_times"] = {{"from", 0}, {"to", 300}, {"count", 4}};
  const TheoryConfig config = read_theory_config(json);
  ASSERT_EQ(config.rates.size(), 3u);
  EXPECT_DOUBLE_EQ(config.rates[1], 0.01);
  EXPECT_EQ(config.decay_times, (std::vector<std::int64_t>{0, 100, 200, 300}));
  EXPECT_EQ(to_json(read_theory_config(to_json(config))), to_json(config));
  EXPECT_EQ(make_cells(config).size(), 12u);
}

TEST(TheoryConfigTest, SchedulesHaveTheirTimesInSteps) {
  nlohmann::json json = small_theory_json();
  json["theory"].erase("rates");
  json["theory"].erase("decay_times");
  json["theory"]["schedules"] = {{"late", {{"kind", "late_decay"}, {"lr", 0.1}, {"decay_at", 120}}}};
  const std::vector<TheoryCell> cells = make_cells(read_theory_config(json));
  ASSERT_EQ(cells.size(), 1u);
  EXPECT_EQ(cells[0].name, "late");
  EXPECT_EQ(cells[0].decay_at, 120);
  EXPECT_DOUBLE_EQ(cells[0].schedule.lr(119), 0.1);
  EXPECT_DOUBLE_EQ(cells[0].schedule.lr(120), 0.01);
}

TEST(TheoryConfigTest, AWarmUpsEndIsNoDecay) {
  nlohmann::json json = small_theory_json();
  json["theory"].erase("rates");
  json["theory"].erase("decay_times");
  const nlohmann::json warmup = {{"epochs", 20}};
  json["theory"]["schedules"] = {{"a", {{"kind", "late_decay"}, {"lr", 0.1}, {"decay_at", 100}, {"warmup", warmup}}},
                                 {"b", {{"kind", "constant"}, {"lr", 0.1}, {"warmup", warmup}}},
                                 {"c", {{"kind", "cosine"}, {"lr", 0.1}, {"epochs", 50}, {"warmup", warmup}}}};
  const std::vector<TheoryCell> cells = make_cells(read_theory_config(json));
  ASSERT_EQ(cells.size(), 3u);
  EXPECT_EQ(cells[0].decay_at, 120);
  EXPECT_EQ(cells[1].decay_at, std::nullopt);
  EXPECT_EQ(cells[2].decay_at, 70);
  for (const TheoryCell& cell : cells) EXPECT_DOUBLE_EQ(cell.rate, 0.1);
}

// The configurations in the repository.
TEST(TheoryConfigTest, ShippedOnesAreValid) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(THALWEG_EXPERIMENTS) + "/theory")) {
    const std::string file = entry.path().string();
    EXPECT_NO_THROW(names.insert(read_theory_config(read_json_file(file)).name)) << file;
  }
  EXPECT_TRUE(names.contains("theory-phase-diagram-gpu"));
}

TEST(TheoryConfigTest, WhatIsWrongIsNamed) {
  expect_refused({{"samples", 23}}, "theory.samples");
  expect_refused({{"dimenions", 4}}, "dimensions");
  expect_refused({{"gamma", -1}}, "theory.gamma");
  expect_refused({{"init_norm", 0}}, "theory.init_norm");
  expect_refused({{"rates", {0.1, 0.1}}}, "theory.rates");
  expect_refused({{"rates", nlohmann::json::array()}}, "theory.rates");
  expect_refused({{"rates", {{"from", 1}, {"to", 0.1}, {"count", 3}}}}, "theory.rates");
  expect_refused({{"decay_times", {0, 301}}}, "theory.decay_times");
  expect_refused({{"schedules", {{"a", {{"kind", "constant"}, {"lr", 1}}}}}}, "either");
  expect_refused({{"noise", {{"kind", "stale"}}}}, "theory.noise.kind");
  expect_refused({{"landscape", {{"grid", "0x3"}}}}, "grid");
  expect_refused({{"seeds", 100'000}, {"steps", 1'000'000}, {"records", 1'000'000}}, "too many");
  expect_refused({{"rates", nullptr}, {"decay_times", nullptr}, {"schedules", {{"a", {{"kind", "constant"}}}}}},
                 "theory.schedules.a.lr");
}

}  // namespace
}  // namespace thalweg
