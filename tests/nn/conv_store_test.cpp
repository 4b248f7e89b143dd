#include "nn/conv_store.h"

#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "io/atomic_file.h"
#include "io/temp_folder.h"
#include "kernels/conv_fixture.h"
#include "kernels/conv_graph.h"
#include "nn/conv_manifest.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

constexpr ConvPass kPass = ConvPass::kForward;

ConvShape shape(std::int64_t batch) {
  return {batch, 64, 32, 32, 64, 3, 3, 1, 1, ActivationType::kBFloat16};
}

class ConvStoreTest : public testing::Test {
 protected:
  ConvStore store(bool deterministic = true) const { return {folder_ / "store", here_, deterministic}; }

  TempFolder folder_;
  ConvManifest here_{91900, "NVIDIA A/B 80GB", 13000, {}};
};

TEST_F(ConvStoreTest, TheFirstChoiceHoldsForAll) {
  EXPECT_FALSE(store().find(shape(128), kPass));
  EXPECT_EQ(store().keep(shape(128), kPass, {"eng1", 12.5}).plan, "eng1");
  EXPECT_EQ(store().keep(shape(128), kPass, {"eng2", 11.5}).plan, "eng1");
  EXPECT_EQ(store().keep(shape(80), kPass, {"eng2", 9}).plan, "eng2");
  ASSERT_TRUE(store().find(shape(128), kPass));
  EXPECT_EQ(store().find(shape(128), kPass)->plan, "eng1");
  EXPECT_EQ(store().find(shape(128), kPass)->microseconds, 12.5);
  EXPECT_FALSE(store().find(shape(128), ConvPass::kInputGradient));
}

TEST_F(ConvStoreTest, HoldsForOneGpuModelOneVersionAndOneOrderOfSums) {
  store().keep(shape(128), kPass, {"eng1", 12.5});
  EXPECT_EQ(store().file().filename(), "NVIDIA-A-B-80GB-cudnn91900-driver13000.json");
  EXPECT_FALSE(store(false).find(shape(128), kPass));
  for (const ConvManifest& other : {ConvManifest{91901, here_.gpu, 13000, {}}, ConvManifest{91900, "H", 13000, {}},
                                    ConvManifest{91900, here_.gpu, 13010, {}}})
    EXPECT_FALSE(ConvStore(folder_ / "store", other, true).find(shape(128), kPass));
}

TEST_F(ConvStoreTest, ThoseWhoChooseAtOnceAgree) {
  constexpr std::int64_t kShapes = 12;
  std::vector<std::vector<std::string>> got(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < got.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t n = 1; n <= kShapes; ++n)
        got[t].push_back(store().keep(shape(n), kPass, {fmt::format("eng{}", t), 1}).plan);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<std::string>& plans : got) EXPECT_EQ(plans, got[0]);
  EXPECT_EQ(read_conv_manifest(store().file()).choices.size(), static_cast<std::size_t>(kShapes));
}

TEST_F(ConvStoreTest, WithoutAFileOfUseEachKeepsItsOwnChoice) {
  const auto expect_trouble = [&](ConvStore& of, const std::string& words) {
    EXPECT_EQ(of.trouble(), "");
    EXPECT_FALSE(of.find(shape(128), kPass));
    EXPECT_EQ(of.keep(shape(128), kPass, {"eng1", 1}).plan, "eng1");
    EXPECT_NE(of.trouble().find(words), std::string::npos) << of.trouble();
    EXPECT_NE(of.trouble().find(folder_.path().string()), std::string::npos) << of.trouble();
    EXPECT_EQ(of.keep(shape(128), kPass, {"eng2", 1}).plan, "eng2");
  };
  ConvStore damaged = store();
  write_file_atomically(damaged.file(), "{");
  expect_trouble(damaged, "remove the file");
  EXPECT_EQ(read_file(damaged.file()), "{");

  ConvManifest other = here_;
  other.gpu = "another";
  ConvStore foreign = store();
  write_conv_manifest(foreign.file(), other);
  expect_trouble(foreign, "chosen on \"another\"");

  write_file_atomically(folder_ / "file", "");
  ConvStore nowhere(folder_ / "file" / "store", here_, true);
  expect_trouble(nowhere, "cannot create the folder");
}

TEST_F(ConvStoreTest, OneThatCannotBeWrittenIsReadAllTheSame) {
  store().keep(shape(128), kPass, {"eng1", 12.5});
  ConvStore read_only = store();
  const fs::path lock = read_only.file().parent_path() / ".lock";
  fs::remove(lock);
  fs::create_directory(lock);  // cannot be opened for writing, not even by root
  EXPECT_EQ(read_only.keep(shape(80), kPass, {"eng2", 9}).plan, "eng2");
  EXPECT_NE(read_only.trouble(), "");
  EXPECT_EQ(read_only.find(shape(128), kPass)->plan, "eng1");
}

// Uses a plan other than the one that the heuristics list first.
TEST_F(ConvStoreTest, PlansAreTakenFromIt) {
  const auto plans = [] { return ConvPlans::without_gpu(h200_properties(), {.tune = true}); };
  const auto device = ConvDevice::absent_gpu(h200_properties());
  ConvGraph graph(*device, shape(128), kPass, {});
  std::size_t i = 1;
  while (!graph.build(i)) ++i;
  const auto shared = std::make_shared<ConvStore>(folder_ / "store", plans().manifest(), true);
  shared->keep(shape(128), kPass, {graph.name(i), 12.5});

  ConvPlans run = plans();
  EXPECT_FALSE(run.is_chosen(shape(128), kPass));
  run.share(shared);
  EXPECT_EQ(run.num_chosen(), 0u);
  EXPECT_FALSE(run.is_chosen(shape(80), kPass));
  EXPECT_TRUE(run.is_chosen(shape(128), kPass));
  EXPECT_EQ(run.get(shape(128), kPass).name, graph.name(i));
  EXPECT_EQ(run.manifest().choices.at({shape(128), kPass}).microseconds, 12.5);
}

TEST_F(ConvStoreTest, APlanThatCudnnDoesNotHaveIsLeftAlone) {
  ConvPlans run = ConvPlans::without_gpu(h200_properties(), {.tune = true});
  const auto shared = std::make_shared<ConvStore>(folder_ / "store", run.manifest(), true);
  shared->keep(shape(128), kPass, {"eng9999", 12.5});
  run.share(shared);
  EXPECT_FALSE(run.is_chosen(shape(128), kPass));
  EXPECT_FALSE(run.is_chosen(shape(128), kPass));
  EXPECT_NE(run.get(shape(128), kPass).name, "eng9999");
  EXPECT_EQ(shared->find(shape(128), kPass)->plan, "eng9999");
}

}  // namespace
}  // namespace thalweg
