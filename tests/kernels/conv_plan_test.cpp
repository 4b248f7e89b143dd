// Tests which plans cuDNN offers, without a GPU. tests/nn/gpu_conv_test.cpp runs them.
#include "kernels/conv_plan.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "kernels/conv_fixture.h"
#include "kernels/conv_graph.h"

namespace thalweg {
namespace {

ConvPlans h200_plans(const ConvPlanOptions& options = {}) {
  return ConvPlans::without_gpu(h200_properties(), options);
}

// 3x3, 64 to 64 channels on 32x32: the first stage of ResNet-18.
ConvShape stage_one(ActivationType type = ActivationType::kBFloat16) {
  return {128, 64, 32, 32, 64, 3, 3, 1, 1, type};
}

class ConvPlansOfNetworks : public testing::TestWithParam<const char*> {};

// The last batch of 50,000 images in batches of 128 has 80.
TEST_P(ConvPlansOfNetworks, HaveADeterministicPlanForEveryPass) {
  ConvPlans plans = h200_plans();
  for (const ActivationType type : {ActivationType::kBFloat16, ActivationType::kFloat16}) {
    for (const std::int64_t batch : {128, 80}) {
      for (const ConvShape& shape : convolutions_of(GetParam(), batch, type)) {
        for (std::size_t pass = 0; pass < kConvPassNames.size(); ++pass) {
          const ConvPlan& plan = plans.get(shape, static_cast<ConvPass>(pass));
          EXPECT_EQ(plan.name.substr(0, 3), "eng");
          EXPECT_LE(plan.workspace_bytes, plans.options().max_workspace);
        }
      }
    }
  }
}

// The passes that training needs in float32, its default. (Evaluation uses float16.)
TEST_P(ConvPlansOfNetworks, HaveADeterministicPlanToTrainByInFloat32) {
  ConvPlans plans = h200_plans();
  for (const ConvShape& shape : convolutions_of(GetParam(), 128, ActivationType::kFloat32)) {
    for (const ConvPass pass :
         {ConvPass::kForward, ConvPass::kForwardBias, ConvPass::kInputGradient, ConvPass::kWeightGradient}) {
      EXPECT_FALSE(plans.is_built(shape, pass));
      plans.get(shape, pass);
      EXPECT_TRUE(plans.is_built(shape, pass));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ConvPlansOfNetworks, testing::Values("resnet18", "vgg11", "resnet20"));

// The plans that tests/nn/gpu_conv_test.cpp runs.
TEST(ConvPlans, ThereAreSomeForShapesThatNoNetworkHas) {
  ConvPlans plans = h200_plans();
  for (const ActivationType type : {ActivationType::kFloat32, ActivationType::kFloat16, ActivationType::kBFloat16}) {
    for (ConvShape shape : kOddConvolutions) {
      shape.type = type;
      for (const ConvPass pass : {ConvPass::kForward, ConvPass::kInputGradient, ConvPass::kWeightGradient})
        EXPECT_NO_THROW(plans.get(shape, pass)) << describe(shape, pass);
    }
    ConvShape shape = kFusedConvolution;
    shape.type = type;
    for (const ConvPass pass : {ConvPass::kForwardBias, ConvPass::kForwardBiasRelu, ConvPass::kForwardBiasAddRelu})
      EXPECT_NO_THROW(plans.get(shape, pass)) << describe(shape, pass);
  }
}

// Engines for 3 channels pad the image to 8 in their workspace, so callers need not.
TEST(ConvPlans, TakeTheStemsThreeChannelsAsTheyAre) {
  ConvShape stem = stage_one();
  stem.c = 3;
  ConvPlans plans = h200_plans();
  EXPECT_GE(plans.get(stem, ConvPass::kForward).workspace_bytes, 128 * 32 * 32 * 8 * 2);
  stem.c = 8;
  EXPECT_EQ(plans.get(stem, ConvPass::kForward).workspace_bytes, 0);
}

// cuDNN lists engines with tensor cores first for float32 too, but those compute in TF32.
TEST(ConvPlans, KeepFloat32AwayFromTheTensorCores) {
  const auto device = ConvDevice::absent_gpu(h200_properties());
  ConvGraph graph(*device, stage_one(ActivationType::kFloat32), ConvPass::kForward,
                  {.max_workspace = std::int64_t{1} << 30});
  EXPECT_FALSE(graph.build(0));
  ConvPlans plans = h200_plans();
  for (const ConvPass pass : {ConvPass::kForward, ConvPass::kInputGradient, ConvPass::kWeightGradient}) {
    EXPECT_NE(plans.get(stage_one(ActivationType::kFloat32), pass).name, graph.name(0));
  }
}

// cuDNN lists a weight gradient that uses atomic additions; it is the one candidate that must not be built.
TEST(ConvPlans, LeaveOutWhatIsNotDeterministic) {
  const auto device = ConvDevice::absent_gpu(h200_properties());
  ConvGraph graph(*device, stage_one(), ConvPass::kWeightGradient, {.max_workspace = std::int64_t{1} << 30});
  std::size_t built = 0;
  for (std::size_t i = 0; i < graph.num_candidates(); ++i) built += graph.build(i) ? 1 : 0;
  EXPECT_GE(built, 10u);
  EXPECT_LT(built, graph.num_candidates());
}

// Float32 only: in bfloat16 and float16 cuDNN lists one nondeterministic engine, but refuses to build it.
TEST(ConvPlans, TakeInWhatIsNotDeterministicWhenTold) {
  const auto device = ConvDevice::absent_gpu(h200_properties());
  const auto buildable = [&](bool deterministic) {
    ConvGraph graph(*device, stage_one(ActivationType::kFloat32), ConvPass::kWeightGradient,
                    {.max_workspace = std::int64_t{1} << 30, .deterministic = deterministic});
    std::size_t count = 0;
    for (std::size_t i = 0; i < graph.num_candidates(); ++i) count += graph.build(i) ? 1 : 0;
    return count;
  };
  EXPECT_GT(buildable(false), buildable(true));
}

TEST(ConvPlans, TakeTheFirstInTheHeuristicsOrderAndKeepIt) {
  const auto device = ConvDevice::absent_gpu(h200_properties());
  const ConvGraph graph(*device, stage_one(), ConvPass::kForward, {.max_workspace = std::int64_t{1} << 30});
  ConvPlans plans = h200_plans();
  const ConvPlan& plan = plans.get(stage_one(), ConvPass::kForward);
  EXPECT_EQ(plan.name, graph.name(0));
  EXPECT_EQ(&plan, &plans.get(stage_one(), ConvPass::kForward));
  EXPECT_TRUE(plans.is_chosen(stage_one(), ConvPass::kForward));
  EXPECT_FALSE(plans.is_chosen(stage_one(), ConvPass::kInputGradient));
}

TEST(ConvPlans, HoldToTheLimitOfWorkspace) {
  ConvShape stem = stage_one();
  stem.c = 3;
  const std::int64_t wanted = h200_plans().get(stem, ConvPass::kForward).workspace_bytes;
  ConvPlans plans = h200_plans({.max_workspace = wanted - 1});
  EXPECT_LT(plans.get(stem, ConvPass::kForward).workspace_bytes, wanted);
}

TEST(ConvPlans, TakeTheSamePlansAsTheRunBefore) {
  const auto device = ConvDevice::absent_gpu(h200_properties());
  ConvGraph graph(*device, stage_one(), ConvPass::kForward, {.max_workspace = std::int64_t{1} << 30});
  const std::string last = graph.name(graph.num_candidates() - 1);
  ASSERT_NE(last, graph.name(0));
  ConvManifest manifest = h200_plans().manifest();
  manifest.choices[{stage_one(), ConvPass::kForward}] = {last, 12.5};

  ConvPlans plans = h200_plans();
  plans.adopt(manifest);
  EXPECT_EQ(plans.get(stage_one(), ConvPass::kForward).name, last);
  plans.get(stage_one(), ConvPass::kInputGradient);
  const ConvManifest after = plans.manifest();
  EXPECT_EQ(after.choices.size(), 2u);
  EXPECT_EQ(after.choices.at({stage_one(), ConvPass::kForward}).microseconds, 12.5);
}

TEST(ConvPlans, RefuseThoseOfAnotherGpuOrVersionOrName) {
  const ConvManifest here = h200_plans().manifest();
  EXPECT_EQ(here.gpu, "NVIDIA H200");
  EXPECT_TRUE(h200_plans().fits(here));
  ConvManifest other = here;
  other.gpu = "NVIDIA A100";
  EXPECT_FALSE(h200_plans().fits(other));
  expect_error([&] { h200_plans().adopt(other); }, "chosen on \"NVIDIA A100\" with cuDNN");
  other = here;
  other.cudnn -= 100;
  expect_error([&] { h200_plans().adopt(other); }, "remove the file with the plans to choose new ones");
  other = here;
  other.choices[{stage_one(), ConvPass::kForward}] = {"eng999", 1};
  ConvPlans plans = h200_plans();
  plans.adopt(other);
  expect_error(
      [&] { plans.get(stage_one(), ConvPass::kForward); },
      "forward convolution of bfloat16 128x64x32x32 with 64x64x3x3, stride 1, padding 1: cuDNN has no plan \"eng999\"");
}

TEST(ConvPlans, SayWhatIsWrongWithAShape) {
  ConvShape shape = stage_one();
  shape.h = 0;
  expect_error([&] { h200_plans().get(shape, ConvPass::kForward); }, "sizes and stride must be positive");
  expect_error([] { ConvPlans::without_gpu("{", {}); }, "device properties: expected JSON");
}

TEST(ConvPlans, DoNotRunOnAGpuThatIsNotHere) {
  ConvPlans plans = h200_plans();
  const ConvPlan& plan = plans.get(stage_one(), ConvPass::kForward);
  expect_error(
      [&] {
        plans.execute(plan, {}, {nullptr, plan.workspace_bytes}, nullptr);
      },
      "not available (NVIDIA H200)");
}

}  // namespace
}  // namespace thalweg
