// Tests how a run uses its file of plans, with plans for a GPU that need not be present.
#include "train/run_conv_plans.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"
#include "kernels/conv_fixture.h"
#include "kernels/conv_graph.h"
#include "nn/conv_manifest.h"
#include "nn/conv_store.h"
#include "train/checkpoint.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

class RunConvPlansTest : public testing::Test {
 protected:
  static ConvPlans plans() { return ConvPlans::without_gpu(h200_properties(), {}); }
  static ConvShape shape(std::int64_t batch) { return {batch, 64, 32, 32, 64, 3, 3, 1, 1, ActivationType::kBFloat16}; }
  fs::path file(const std::string& run) const { return folder_ / run / "conv_plans.json"; }

  // Writes a file with the second forward plan, which a timing might choose. Returns the plan's name.
  std::string write_file(const std::string& run, const std::string& gpu = "NVIDIA H200") const {
    ConvManifest manifest = plans().manifest();
    manifest.gpu = gpu;
    manifest.choices[{shape(128), ConvPass::kForward}] = {second_plan(), 12.5};
    write_conv_manifest(file(run), manifest);
    return second_plan();
  }
  static std::string second_plan() {
    const auto device = ConvDevice::absent_gpu(h200_properties());
    ConvGraph graph(*device, shape(128), ConvPass::kForward, {});
    std::size_t i = 1;
    while (!graph.build(i)) ++i;
    return graph.name(i);
  }
  RunSpec branch_of(const std::string& run) const {
    RunSpec spec;
    spec.first_step = 7;
    spec.fork = checkpoint_path(folder_ / run, 7);
    return spec;
  }

  TempFolder folder_;
  RunSpec main_;
};

TEST_F(RunConvPlansTest, KeepsWhatTheFirstStepOfEachSizeChooses) {
  ConvPlans first = plans();
  RunConvPlans run(&first, main_, folder_ / "run", false, {});
  EXPECT_EQ(run.note(), "");
  EXPECT_FALSE(run.save());
  EXPECT_FALSE(fs::exists(file("run")));
  first.get(shape(128), ConvPass::kForward);
  EXPECT_TRUE(run.save());
  EXPECT_FALSE(run.save());
  EXPECT_EQ(read_conv_manifest(file("run")).choices.size(), 1u);
  first.get(shape(80), ConvPass::kForward);  // as for the last batch of an epoch
  EXPECT_TRUE(run.save());

  ConvPlans second = plans();
  RunConvPlans resumed(&second, main_, folder_ / "run", true, {});
  EXPECT_EQ(second.num_chosen(), 2u);
  EXPECT_NE(resumed.note().find("2 convolution plans taken from"), std::string::npos) << resumed.note();
  EXPECT_FALSE(resumed.save());
}

TEST_F(RunConvPlansTest, AResumedRunTakesThePlansOfItsFile) {
  const std::string name = write_file("run");
  ConvPlans again = plans();
  EXPECT_NE(again.get(shape(128), ConvPass::kForward).name, name);
  ConvPlans resumed = plans();
  const RunConvPlans run(&resumed, main_, folder_ / "run", true, {});
  EXPECT_EQ(resumed.get(shape(128), ConvPass::kForward).name, name);
}

TEST_F(RunConvPlansTest, ABranchTakesItsMainPathsAndKeepsThem) {
  const std::string name = write_file("main");
  ConvPlans branch = plans();
  RunConvPlans run(&branch, branch_of("main"), folder_ / "branch", false, {});
  EXPECT_NE(run.note().find("taken from the main path"), std::string::npos) << run.note();
  EXPECT_EQ(branch.get(shape(128), ConvPass::kForward).name, name);
  EXPECT_TRUE(run.save());
  // From now on its own file is used, whatever happens to the main path.
  fs::remove(file("main"));
  ConvPlans resumed = plans();
  const RunConvPlans later(&resumed, branch_of("main"), folder_ / "branch", true, {});
  EXPECT_EQ(resumed.get(shape(128), ConvPass::kForward).name, name);
}

TEST_F(RunConvPlansTest, ARunFromScratchTakesThePlansOfTheStore) {
  const fs::path cache = folder_ / "cache";
  ConvStore store(cache / "conv-plans", plans().manifest(), true);
  store.keep(shape(128), ConvPass::kForward, {second_plan(), 12.5});
  ConvPlans first = plans();
  RunConvPlans run(&first, main_, folder_ / "run", false, cache);
  EXPECT_FALSE(run.save());  // the run saves only those plans of the store that it uses
  EXPECT_TRUE(first.is_chosen(shape(128), ConvPass::kForward));
  EXPECT_EQ(first.get(shape(128), ConvPass::kForward).name, second_plan());
  EXPECT_TRUE(run.save());
  // The run's own file is used, whatever happens to the store.
  fs::remove(store.file());
  store.keep(shape(128), ConvPass::kForward, {plans().get(shape(128), ConvPass::kForward).name, 12.5});
  ConvPlans later = plans();
  const RunConvPlans resumed(&later, main_, folder_ / "run", true, cache);
  EXPECT_EQ(later.get(shape(128), ConvPass::kForward).name, second_plan());
}

TEST_F(RunConvPlansTest, AStoreThatIsOfNoUseIsDoneWithout) {
  write_file_atomically(folder_ / "cache", "a file where the folder should be");
  ConvPlans first = plans();
  RunConvPlans run(&first, main_, folder_ / "run", false, folder_ / "cache");
  EXPECT_EQ(run.take_trouble(), "");
  EXPECT_FALSE(first.is_chosen(shape(128), ConvPass::kForward));
  EXPECT_EQ(run.take_trouble(), "");  // there is nothing to read
  write_file_atomically(folder_ / "damaged" / "conv-plans" / ConvStore({}, first.manifest(), true).file(), "{");
  ConvPlans second = plans();
  RunConvPlans other(&second, main_, folder_ / "other", false, folder_ / "damaged");
  EXPECT_FALSE(second.is_chosen(shape(128), ConvPass::kForward));
  const std::string trouble = other.take_trouble();
  EXPECT_NE(trouble.find("plans are not shared with other runs"), std::string::npos) << trouble;
  EXPECT_NE(trouble.find("remove the file"), std::string::npos) << trouble;
  EXPECT_EQ(other.take_trouble(), "");
}

TEST_F(RunConvPlansTest, ARunThatHasBegunIsRefusedOnAnotherGpu) {
  write_file("run", "NVIDIA A100");
  ConvPlans here = plans();
  const auto resume = [&] { const RunConvPlans run(&here, main_, folder_ / "run", true, {}); };
  expect_error(resume, file("run").string() + ": the convolution plans were chosen on \"NVIDIA A100\"");
  expect_error(resume, "remove the file with the plans");
  fs::remove(file("run"));
  const RunConvPlans anew(&here, main_, folder_ / "run", true, {});
  EXPECT_NE(anew.note().find("chosen again, so from here on the bits"), std::string::npos) << anew.note();
}

TEST_F(RunConvPlansTest, OneOfWhichNothingIsComputedYetChoosesItsOwnThere) {
  write_file("main", "NVIDIA A100");
  for (const RunSpec& spec : {branch_of("main"), main_}) {
    ConvPlans here = plans();
    RunConvPlans run(&here, spec, folder_ / (spec.fork.empty() ? "main" : "branch"), false, {});
    EXPECT_NE(run.note().find("were chosen on NVIDIA A100"), std::string::npos) << run.note();
    EXPECT_EQ(here.num_chosen(), 0u);
    here.get(shape(128), ConvPass::kForward);
    EXPECT_TRUE(run.save());
  }
  EXPECT_EQ(read_conv_manifest(file("branch")).gpu, "NVIDIA H200");
  EXPECT_EQ(read_conv_manifest(file("main")).gpu, "NVIDIA H200");
}

TEST_F(RunConvPlansTest, ADamagedFileIsNamed) {
  write_file_atomically(file("run"), "{");
  ConvPlans here = plans();
  expect_error([&] { const RunConvPlans run(&here, main_, folder_ / "run", true, {}); }, file("run").string());
}

TEST_F(RunConvPlansTest, WithoutPlansNothingHappens) {
  write_file("run", "NVIDIA A100");
  RunConvPlans run(nullptr, main_, folder_ / "run", true, {});
  EXPECT_EQ(run.note(), "");
  EXPECT_FALSE(run.save());
}

}  // namespace
}  // namespace thalweg
