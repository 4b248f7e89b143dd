// Tests what a report reads from the folder of an experiment or a run.
#include <cmath>

#include <gtest/gtest.h>

#include "base/error.h"
#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"
#include "report/report.h"
#include "report/synthetic_report.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

void put(const fs::path& file, const std::string& text) {
  write_file_atomically(file, text);
}

const char* const kEpoch1 =
    R"({"kind":"epoch","step":390,"epoch":1.0,"lr":0.1,"train_loss":1.2,"train_accuracy":0.5,"test_loss":1.1,"test_accuracy":0.55,"seconds":12.1})"
    "\n";
const char* const kEpoch2 =
    R"({"kind":"epoch","step":780,"epoch":2.0,"lr":0.1,"train_loss":0.9,"train_accuracy":0.6,"seconds":12.1})"
    "\n";

class ReportFolder : public testing::Test {
  const TempFolder temporary_;

 protected:
  const fs::path& folder_ = temporary_.path();
};

TEST_F(ReportFolder, ReadsAnExperimentFolder) {
  put(folder_ / "config.json", R"({"name": "late decay", "seed": 3})");
  put(folder_ / "main" / "metrics.jsonl",
      std::string(R"({"kind":"step","step":10,"loss":2.3})") + "\n" + kEpoch1 + kEpoch2);
  put(folder_ / "main" / "status.json",
      R"({"state":"done","final":{"test_loss":0.5,"test_accuracy":0.9},"provenance":{"version":"0.1.0"}})");
  put(folder_ / "branches" / "decay-at-10" / "status.json", R"({"state":"running","fork_epoch":10})");
  put(folder_ / "branches" / "decay-at-5" / "metrics.jsonl", kEpoch2);
  put(folder_ / "branches" / "decay-at-5" / "status.json",
      R"({"state":"done","fork_epoch":5,"final":{"test_loss":0.6}})");
  const Surface surface = synthetic_report(2).surfaces[0];
  write_surface_hdf5(folder_ / "surfaces" / "a.h5", surface);

  const ReportData data = collect_report(folder_);
  EXPECT_EQ(data.title, "late decay");
  EXPECT_EQ(data.provenance.at("version"), "0.1.0");
  ASSERT_EQ(data.runs.size(), 3u);
  EXPECT_EQ(data.runs[0].name, "main");
  EXPECT_FALSE(data.runs[0].fork_epoch);
  ASSERT_EQ(data.runs[0].epochs.size(), 2u);
  EXPECT_EQ(data.runs[0].epochs[0].test_accuracy, 0.55);
  EXPECT_FALSE(data.runs[0].epochs[1].test_loss);
  EXPECT_EQ(data.runs[1].name, "decay-at-5");  // sorted by epoch, not by name
  EXPECT_EQ(data.runs[2].fork_epoch, 10);
  EXPECT_TRUE(data.runs[2].epochs.empty());
  ASSERT_EQ(data.surfaces.size(), 1u);
  EXPECT_EQ(data.surfaces[0].path.size(), surface.path.size());
  EXPECT_EQ(data.surfaces[0].file, "a.h5");
  EXPECT_EQ(write_report(folder_, data)[0], folder_ / "report.html");
}

TEST_F(ReportFolder, KnowsWhichRunsDiverged) {
  put(folder_ / "main" / "status.json", R"({"state":"done","final":{"test_loss":0.5}})");
  put(folder_ / "branches" / "late" / "status.json", R"({"state":"failed","failure":"diverged","fork_epoch":5})");
  const ReportData data = collect_report(folder_);
  EXPECT_FALSE(data.runs.at(0).diverged);
  EXPECT_TRUE(data.runs.at(1).diverged);
}

TEST_F(ReportFolder, LeavesOutBranchesThatItsConfigurationDoesNotName) {
  for (const std::string name : {"early", "late"}) {
    put(folder_ / "branches" / name / "status.json", R"({"state":"done","fork_epoch":5,"final":{"test_loss":0.6}})");
    put(folder_ / "branches" / name / "average" / "status.json", R"({"state":"done","final":{"test_loss":0.5}})");
  }
  put(folder_ / "config.json", R"({"branches":[{"name":"early"},{"name":"latest"}]})");
  const ReportData data = collect_report(folder_);
  ASSERT_EQ(data.runs.size(), 1u);
  EXPECT_EQ(data.runs[0].name, "early");
  EXPECT_EQ(data.averages.size(), 1u);
  put(folder_ / "config.json", R"({"branches":[]})");
  EXPECT_TRUE(collect_report(folder_).runs.empty());
  fs::remove(folder_ / "config.json");
  EXPECT_EQ(collect_report(folder_).runs.size(), 2u);
}

TEST_F(ReportFolder, KnowsTheGapOfMapsThatDoNotHoldIt) {
  Surface surface = synthetic_report(0).surfaces[0];
  write_surface_hdf5(folder_ / "surfaces" / "a.h5", surface);
  surface.values.erase("test_loss");
  write_surface_hdf5(folder_ / "surfaces" / "b.h5", surface);
  const ReportData data = collect_report(folder_);
  EXPECT_EQ(data.surfaces[0].values.at("gap_loss")[7],
            data.surfaces[0].values.at("test_loss")[7] - data.surfaces[0].values.at("train_loss")[7]);
  EXPECT_FALSE(data.surfaces[1].has("gap_loss"));
}

TEST_F(ReportFolder, ReadsASingleRunsFolder) {
  const fs::path folder = folder_ / "lonely-run";
  put(folder / "metrics.jsonl", kEpoch1);
  put(folder / "run.json", R"({"first_step":0,"train":{"epochs":3,"schedule":{"kind":"constant","lr":0.1}}})");
  put(folder / "status.json", R"({"state":"running","step":300,"end_step":1170,"steps_per_epoch":390})");
  const ReportData data = collect_report(folder.string() + "/");
  ASSERT_EQ(data.runs.size(), 1u);
  EXPECT_EQ(data.runs[0].rates.back().epoch, 1);  // as far as the metrics go
  EXPECT_EQ(data.runs[0].name, "main");
  EXPECT_EQ(data.title, "lonely-run");
  EXPECT_EQ(write_report(folder, data).size(), 3u);  // page and figures of learning rate and loss
}

TEST_F(ReportFolder, ReadsAveragesBesideTheirRuns) {
  put(folder_ / "main" / "metrics.jsonl",
      std::string(kEpoch1) +
          R"({"kind":"epoch","step":780,"epoch":2,"lr":0.1,"train_loss":1,"test_loss":1,"average_test_loss":0.7})" +
          "\n");
  put(folder_ / "main" / "average" / "status.json", R"({"state":"running"})");
  put(folder_ / "branches" / "late" / "status.json", R"({"state":"done","fork_epoch":5,"final":{"test_loss":0.6}})");
  put(folder_ / "branches" / "late" / "average" / "status.json", R"({"state":"done","final":{"test_loss":0.5}})");
  put(folder_ / "branches" / "later" / "status.json", R"({"state":"done","fork_epoch":6,"final":{"test_loss":0.6}})");
  put(folder_ / "branches" / "later" / "average" / "status.json", R"({"state":"done","final":{}})");  // never started
  const ReportData data = collect_report(folder_);
  ASSERT_EQ(data.runs.size(), 3u);
  ASSERT_EQ(data.averages.size(), 2u);
  EXPECT_EQ(data.averages[0].name, "main-average");
  ASSERT_EQ(data.averages[0].epochs.size(), 1u);  // it started in the second epoch
  EXPECT_EQ(data.averages[0].epochs[0].test_loss, 0.7);
  EXPECT_TRUE(std::isnan(data.averages[0].epochs[0].train_loss));
  EXPECT_EQ(data.averages[1].name, "late-average");
  EXPECT_EQ(data.averages[1].fork_epoch, 5);
  EXPECT_EQ(data.averages[1].final_metrics.at("test_loss"), 0.5);
}

TEST_F(ReportFolder, IgnoresATornLastLineButNotADamagedOne) {
  put(folder_ / "metrics.jsonl", std::string(kEpoch1) + R"({"kind":"epoch","step":7)");
  EXPECT_EQ(collect_report(folder_).runs[0].epochs.size(), 1u);
  put(folder_ / "metrics.jsonl", std::string(R"({"kind":"ep)") + "\n" + kEpoch1);
  EXPECT_THROW(collect_report(folder_), Error);
  put(folder_ / "metrics.jsonl", std::string(kEpoch1) + R"({"kind":"ep)" + "\n");
  EXPECT_THROW(collect_report(folder_), Error);
}

TEST_F(ReportFolder, TakesTheLaterOfRepeatedEpochs) {
  std::string again = kEpoch1;
  again.replace(again.find("1.2"), 3, "1.3");
  put(folder_ / "metrics.jsonl", std::string(kEpoch1) + kEpoch2 + again + kEpoch2);
  const auto epochs = collect_report(folder_).runs[0].epochs;
  ASSERT_EQ(epochs.size(), 2u);
  EXPECT_EQ(epochs[0].train_loss, 1.3);
}

TEST_F(ReportFolder, ReadsNullAsNotANumber) {
  put(folder_ / "metrics.jsonl", R"({"kind":"epoch","step":1,"epoch":1,"lr":10,"train_loss":null,"test_loss":null})");
  const auto epochs = collect_report(folder_).runs[0].epochs;
  ASSERT_EQ(epochs.size(), 1u);
  EXPECT_TRUE(std::isnan(epochs[0].train_loss));
  ASSERT_TRUE(epochs[0].test_loss);
  EXPECT_TRUE(std::isnan(*epochs[0].test_loss));
}

TEST_F(ReportFolder, RefusesWhatIsNoExperiment) {
  EXPECT_THROW(collect_report(folder_), Error);
  EXPECT_THROW(collect_report(folder_ / "absent"), Error);
  put(folder_ / "notes.txt", "nothing");
  EXPECT_THROW(collect_report(folder_), Error);
  put(folder_ / "config.json", "{");
  EXPECT_THROW(collect_report(folder_), Error);
}

TEST_F(ReportFolder, SaysWhatIsWrongWithADamagedFileAndWhatToDo) {
  for (const auto& [text, fault] : {std::pair("{", "parse error"), {R"({"name":"a","name":"b"})", "appears twice"}}) {
    put(folder_ / "config.json", text);
    expect_error([&] { collect_report(folder_); }, fault);
    expect_error([&] { collect_report(folder_); }, "remove it");
  }
}

}  // namespace
}  // namespace thalweg
