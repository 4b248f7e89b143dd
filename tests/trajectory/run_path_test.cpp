#include "trajectory/run_path.h"

#include <cmath>

#include <gtest/gtest.h>

#include <ATen/ops/equal.h>

#include "base/error.h"
#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"
#include "trajectory/run_name.h"
#include "trajectory/weights_fixture.h"

namespace thalweg {
namespace {

// Makes a run with weights {path, step} that identify each snapshot; runs with the same path have the same weights.
RunPath make_run(const std::string& name, std::optional<Fork> fork, const std::vector<std::int64_t>& steps, float path,
                 float path_at_fork = 0) {
  RunPath run{name, fork, {}, {}, {}};
  for (const std::int64_t step : steps) {
    const bool at_fork = fork && step == fork->step;
    run.infos.push_back({step, 0, 0.1, {}, ""});
    run.weights.push_back(vec({at_fork ? path_at_fork : path, static_cast<float>(step)}));
    run.buffers.push_back(vec({static_cast<float>(step)}));
  }
  return run;
}

std::vector<std::pair<std::string, std::int64_t>> names_of(const RowForest& forest) {
  std::vector<std::pair<std::string, std::int64_t>> names;
  for (const WeightRow& row : forest.rows) names.emplace_back(row.run, row.step);
  return names;
}
using Names = std::vector<std::pair<std::string, std::int64_t>>;

TEST(CollectRows, OfOneRunIsAChain) {
  const RowForest forest = collect_rows({make_run("main", {}, {0, 5, 9}, 0)});
  EXPECT_EQ(names_of(forest), (Names{{"main", 0}, {"main", 5}, {"main", 9}}));
  EXPECT_EQ(forest.parents, (RowTree{-1, 0, 1}));
  EXPECT_EQ(forest.main_final, 2u);
  EXPECT_EQ(forest.buffers.size(), 3u);
}

TEST(CollectRows, CountsAForkPointOnce) {
  const RowForest forest = collect_rows(
      {make_run("main", {}, {0, 5, 9}, 0), make_run("a", Fork{0, 5}, {5, 6}, 1), make_run("b", Fork{0, 0}, {0, 7}, 2)});
  EXPECT_EQ(names_of(forest), (Names{{"main", 0}, {"main", 5}, {"main", 9}, {"a", 6}, {"b", 7}}));
  EXPECT_EQ(forest.parents, (RowTree{-1, 0, 1, 1, 0}));
  EXPECT_EQ(forest.main_final, 2u);
}

TEST(CollectRows, BranchesMayForkFromBranches) {
  const RowForest forest =
      collect_rows({make_run("main", {}, {0, 5}, 0), make_run("a", Fork{0, 5}, {5, 6, 7}, 1),
                    make_run("b", Fork{1, 6}, {6, 9}, 2, 1), make_run("c", Fork{1, 5}, {5, 8}, 3)});
  EXPECT_EQ(names_of(forest), (Names{{"main", 0}, {"main", 5}, {"a", 6}, {"a", 7}, {"b", 9}, {"c", 8}}));
  EXPECT_EQ(forest.parents, (RowTree{-1, 0, 1, 2, 2, 1}));
}

TEST(CollectRows, MainPathsOfOtherSeedsBeginAStepAwayFromTheFirst) {
  const RowForest forest =
      collect_rows({make_run("main, seed 1", {}, {0, 5}, 0), make_run("a, seed 1", Fork{0, 5}, {5, 6}, 1),
                    make_run("main, seed 2", {}, {0, 5}, 2), make_run("a, seed 2", Fork{2, 5}, {5, 6}, 3, 2)});
  EXPECT_EQ(names_of(forest), (Names{{"main, seed 1", 0},
                                     {"main, seed 1", 5},
                                     {"a, seed 1", 6},
                                     {"main, seed 2", 0},
                                     {"main, seed 2", 5},
                                     {"a, seed 2", 6}}));
  EXPECT_EQ(forest.parents, (RowTree{-1, 0, 1, 0, 3, 4}));
  EXPECT_EQ(forest.main_final, 1u);
}

TEST(RunName, KeepsSeedsApart) {
  const std::string name = name_with_seed("decay-at-5", 18446744073709551615u);
  EXPECT_EQ(name, "decay-at-5, seed 18446744073709551615");
  EXPECT_EQ(split_run_name(name).run, "decay-at-5");
  EXPECT_EQ(split_run_name(name).seed, "18446744073709551615");
  EXPECT_EQ(split_run_name("main").run, "main");
  EXPECT_EQ(split_run_name("main").seed, "");
}

TEST(CollectRows, ForkPointsThatTheParentDidNotKeepAreSharedByBranches) {
  const RowForest forest = collect_rows(
      {make_run("main", {}, {0, 5, 9}, 0), make_run("a", Fork{0, 7}, {7, 8}, 1), make_run("b", Fork{0, 7}, {7, 9}, 2)});
  EXPECT_EQ(names_of(forest), (Names{{"main", 0}, {"main", 5}, {"main", 9}, {"a", 7}, {"a", 8}, {"b", 9}}));
  EXPECT_EQ(forest.parents, (RowTree{-1, 0, 1, 1, 3, 3}));
}

TEST(CollectRows, BranchWithoutItsForkPointFollowsTheParentsLastRow) {
  const RowForest forest = collect_rows({make_run("main", {}, {0, 5, 9}, 0), make_run("a", Fork{0, 8}, {12}, 1),
                                         make_run("none yet", Fork{0, 5}, {}, 2)});
  EXPECT_EQ(forest.parents, (RowTree{-1, 0, 1, 1}));
}

TEST(CollectRows, RefusesABranchThatStartsElsewhere) {
  RunPath branch = make_run("a", Fork{0, 5}, {5, 6}, 1, 0.5f);
  expect_error(
      [&] {
        collect_rows({make_run("main", {}, {0, 5}, 0), branch});
      },
      "run a should start with the weights of main at step 5");
}

TEST(CollectRows, LetsDivergedForkPointsThroughForThePcaToName) {
  RunPath main = make_run("main", {}, {0, 5}, 0), branch = make_run("a", Fork{0, 5}, {5, 6}, 1);
  main.weights[1] = vec({NAN, 0});
  branch.weights[0] = vec({NAN, 0});
  EXPECT_EQ(collect_rows({main, branch}).rows.size(), 3u);
}

TEST(CollectRows, RefusesRunsThatDoNotFitTogether) {
  const RunPath main = make_run("main", {}, {2, 5}, 0);
  expect_error([] { collect_rows({}); }, "no runs");
  expect_error([] { collect_rows({make_run("main", {}, {}, 0)}); }, "no snapshots yet");
  expect_error([&] { collect_rows({make_run("a", Fork{0, 0}, {0}, 0)}); }, "must be the main path");
  expect_error([&] { collect_rows({main, make_run("second", {}, {}, 0)}); }, "no snapshots yet");
  expect_error([&] { collect_rows({main, make_run("a", Fork{1, 5}, {5}, 0)}); }, "must fork from a run listed before");
  expect_error([&] { collect_rows({main, make_run("a", Fork{0, 1}, {1}, 0)}); }, "before any of its snapshots");
  expect_error([&] { collect_rows({main, make_run("a", Fork{0, 5}, {4, 6}, 0)}); }, "has a snapshot of step 4");
  expect_error([&] { collect_rows({make_run("main", {}, {0, 5, 5}, 0)}); }, "step 5 after that of step 5");
  RunPath other = make_run("a", Fork{0, 5}, {5, 6}, 0);
  other.weights[0] = vec({0, 5, 5});
  expect_error([&] { collect_rows({main, other}); }, "3 weights");
  other.weights.pop_back();
  expect_error([&] { collect_rows({main, other}); }, "1 weight vectors");
}

TEST(LoadRun, TakesAllSnapshotsOfAStoreAfterVerifyingThem) {
  TempFolder folder;
  {
    TrajectoryWriter writer(folder.path(), 2, 1);
    writer.append({0, 0, 0.1, {}, "first"}, vec({1, 2}), vec({3}));
    writer.append({4, 1, 0.2, {}, "last"}, vec({4, 5}), vec({6}));
  }
  const RunPath run = load_run(TrajectoryReader(folder.path()), "main", Fork{0, 0});
  ASSERT_EQ(run.infos.size(), 2u);
  EXPECT_EQ(run.name, "main");
  EXPECT_TRUE(run.fork);
  EXPECT_EQ(run.infos[1].lr, 0.2);
  EXPECT_TRUE(at::equal(run.weights[1], vec({4, 5})));
  EXPECT_TRUE(at::equal(run.buffers[1], vec({6})));

  std::string bytes = read_file(folder / "weights.f32");
  bytes[15] = static_cast<char>(bytes[15] ^ 4);
  write_file_atomically(folder / "weights.f32", bytes);
  expect_error([&] { load_run(TrajectoryReader(folder.path()), "main"); }, "row 1 (step 4)");
}

}  // namespace
}  // namespace thalweg
