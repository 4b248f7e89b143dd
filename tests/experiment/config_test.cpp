#include "experiment/config.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/strict_json.h"

namespace thalweg {
namespace {

nlohmann::json small() {
  return {{"train", {{"epochs", 10}, {"schedule", {{"kind", "constant"}, {"lr", 0.1}}}}},
          {"branches",
           {{{"at_epoch", {2, 4.5}}, {"until_epoch", 10}, {"schedule", {{"kind", "constant"}, {"lr", 0.01}}}}}}};
}

TEST(ExperimentConfig, OneBranchObjectStandsForSeveral) {
  const ExperimentConfig config = read_experiment_config(small());
  ASSERT_EQ(config.branches.size(), 2u);
  EXPECT_EQ(config.branches[0].name, "decay-at-2");
  EXPECT_EQ(config.branches[0].epochs, 8);
  EXPECT_EQ(config.branches[1].name, "decay-at-4.5");
  EXPECT_EQ(config.branches[1].epochs, 5.5);
}

TEST(ExperimentConfig, ResolvedEveryDefaultIsThere) {
  nlohmann::json json = small();
  json["train"]["schedule"] = {{"kind", "cosine"}, {"lr", 0.1}, {"warmup", {{"epochs", 0.5}}}};
  json["branches"][0]["schedule"] = {{"kind", "wsd"}, {"lr", 0.1}, {"decay_at", 1}};
  const nlohmann::json resolved = to_json(read_experiment_config(json));
  const nlohmann::json warmup = {{"epochs", 0.5}, {"start_factor", 0.1}};
  EXPECT_EQ(resolved["train"]["schedule"],
            (nlohmann::json{{"kind", "cosine"}, {"lr", 0.1}, {"end_lr", 0.0}, {"epochs", 9.5}, {"warmup", warmup}}));
  const nlohmann::json snapshots = {
      {"every_steps", 0}, {"every_epochs", 1.0}, {"log_spaced", 0}, {"around_rate_change", 0}};
  EXPECT_EQ(resolved["train"]["snapshots"], snapshots);
  EXPECT_EQ(resolved["branches"][1]["snapshots"], snapshots);
  EXPECT_EQ(resolved["branches"][1]["schedule"], (nlohmann::json{{"kind", "wsd"},
                                                                 {"lr", 0.1},
                                                                 {"decay_at", 1.0},
                                                                 {"decay_epochs", 4.5},
                                                                 {"end_lr", 0.0},
                                                                 {"shape", "linear"}}));
  EXPECT_EQ(to_json(read_experiment_config(resolved)), resolved);
}

TEST(ExperimentConfig, ResolvedItReadsAsItself) {
  for (const nlohmann::json& schedule : std::initializer_list<nlohmann::json>{
           {{"kind", "wsd"}, {"lr", 0.1}, {"decay_at", 10}},  // of 10 epochs, so nothing is left to decay
           {{"kind", "cosine"}, {"lr", 0.1}, {"warmup", {{"epochs", 12}}}},
           {{"kind", "cyclic"}, {"lr", 0.1}, {"base_lr", 0.01}, {"up_epochs", 0.3}},
           {{"kind", "table"}, {"points", {{0, 0.1}, {2, 0.01}}}}}) {
    nlohmann::json json = small();
    json["train"]["schedule"] = schedule;
    const nlohmann::json once = to_json(read_experiment_config(json));
    EXPECT_EQ(to_json(read_experiment_config(once)), once) << schedule;
  }
  const nlohmann::json resolved = to_json(read_experiment_config(small()));
  EXPECT_EQ(to_json(read_experiment_config(resolved)), resolved);
}

TEST(ExperimentConfig, TheFirstOfItsSeedsIsTheSeedOfASingleRun) {
  nlohmann::json json = small();
  json["seeds"] = {7, 3};
  EXPECT_EQ(read_experiment_config(json).seed, 7u);
  json["seed"] = 5;
  EXPECT_EQ(read_experiment_config(json).seed, 5u);
  EXPECT_EQ(read_experiment_config(json).seeds, (std::vector<std::uint64_t>{7, 3}));
  json["seeds"] = {1e3};
  EXPECT_EQ(read_experiment_config(json).seeds, (std::vector<std::uint64_t>{1000}));
}

TEST(ExperimentConfig, NamesTheKeyThatIsWrong) {
  const auto with = [](const std::string& pointer, const nlohmann::json& value) {
    nlohmann::json json = small();
    json[nlohmann::json::json_pointer(pointer)] = value;
    return [json] { read_experiment_config(json); };
  };
  expect_usage_error(with("/train/bacth", 3), "train.bacth");
  expect_usage_error(with("/seeds", 3), "seeds");
  expect_usage_error(with("/seeds", {1, -1}), "seeds");
  expect_usage_error(with("/seeds", {1, 2, 1}), "seeds");
  expect_usage_error(with("/parallel_runs", -1), "parallel_runs");
  expect_usage_error(with("/train/batch", "many"), "train.batch");
  expect_usage_error(with("/train/batch", 0), "train.batch");
  expect_usage_error(with("/train/schedule/kind", "cosin"), "train.schedule.kind");
  expect_usage_error(with("/model/name", "vgg12"), "vgg11");
  expect_usage_error(with("/branches/0/at_epoch", 11), "branches.0.at_epoch");
  expect_usage_error(with("/branches/0/at_epoch", nlohmann::json::array()), "branches.0.at_epoch is empty");
  expect_usage_error(with("/branches/0/until_epoch", 1e9), "branches.0.until_epoch");
  expect_usage_error(with("/branches/0/epochs", 3), "branches.0");
  expect_usage_error(with("/branches/0/name", "a/b"), "a/b");
  const nlohmann::json rate = {{"kind", "constant"}, {"lr", 0.01}};
  expect_usage_error(
      with("/branches/0", {{"name", "late-average"}, {"at_epoch", 2}, {"epochs", 1}, {"schedule", rate}}),
      "late-average");
  expect_usage_error(with("/branches/0/name", std::string(99, 'a')), "at most 100 characters");
  EXPECT_NO_THROW(with("/branches/0/name", std::string(96, 'a'))());  // "-4.5" is appended
  expect_usage_error(with("/branches/0/snapshots", {{"every_steps", -1}}), "branches.0.snapshots.every_steps");
  expect_usage_error(with("/landscape/grid", "5"), "WIDTHxHEIGHT");
  expect_usage_error(with("/landscape/range", "-1:1"), "landscape.range");  // of a line, for a grid of several rows
  expect_usage_error(with("/landscape/splits", {"validation"}), "validation");
  expect_usage_error(with("/plane/origin", "start"), "plane.origin");
}

TEST(ExperimentConfig, ForksBehindTheEndMayBeDropped) {
  nlohmann::json json = small();
  json["train"]["epochs"] = 3;
  json["branches"][0]["name"] = "late";
  json["branches"][0]["snapshots"] = {{"every_steps", 5}};
  expect_usage_error([&] { read_experiment_config(json); }, "4.5 lies outside the main path's 3 epochs");
  const ExperimentConfig config = read_experiment_config(json, ForksBehindTheEnd::kDropped);
  ASSERT_EQ(config.branches.size(), 1u);
  EXPECT_EQ(config.branches[0].name, "late-2");  // as with both
  json["train"]["epochs"] = 1;
  EXPECT_TRUE(read_experiment_config(json, ForksBehindTheEnd::kDropped).branches.empty());
  json["branches"][0]["shedule"] = 1;
  expect_usage_error([&] { read_experiment_config(json, ForksBehindTheEnd::kDropped); }, "branches.0.shedule");
}

TEST(ExperimentConfig, AnAverageThatNoRunLivesToSeeIsAnError) {
  const auto averaged = [](const char* kind, double start, double epochs, double branch_end) {
    nlohmann::json json = small();
    json["train"]["average"] = {{"kind", kind}, {"start_epoch", start}};
    json["train"]["epochs"] = epochs;
    json["branches"][0]["until_epoch"] = branch_end;
    return [json] { read_experiment_config(json); };
  };
  EXPECT_NO_THROW(averaged("ema", 10, 10, 10)());
  expect_usage_error(averaged("ema", 10.5, 10, 10), "train.average.start_epoch");
  EXPECT_NO_THROW(averaged("ema", 10.5, 10, 11)());  // the branches have an average
  EXPECT_NO_THROW(averaged("swa", 9, 9.5, 9.5)());
  expect_usage_error(averaged("swa", 9.2, 9.5, 9.5), "completes an epoch");
  EXPECT_NO_THROW(averaged("swa", 9.2, 9.5, 10)());
  EXPECT_NO_THROW(averaged("none", 99, 10, 10)());
}

TEST(ExperimentConfig, ABranchHasAnAverageThatStartsWhereItEnds) {
  nlohmann::json json = small();
  json["train"]["average"] = {{"kind", "ema"}, {"start_epoch", 10.4}};
  json["branches"][0]["at_epoch"] = 2.2;  // and 2.2 + (10.4 - 2.2) is a little less than 10.4
  json["branches"][0]["until_epoch"] = 10.4;
  EXPECT_NO_THROW(read_experiment_config(json));
}

// The configurations in the repository.
TEST(ExperimentConfig, ShippedOnesAreValid) {
  int configs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(THALWEG_EXPERIMENTS)) {
    if (entry.path().extension() != ".json") continue;
    EXPECT_NO_THROW(read_experiment_config(read_json_file(entry.path().string()))) << entry.path();
    ++configs;
  }
  EXPECT_GE(configs, 2);
}

}  // namespace
}  // namespace thalweg
