// Tests how a map uses its file of plans, with plans for a GPU that need not be present.
#include "landscape/map_conv_plans.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"
#include "kernels/conv_fixture.h"
#include "nn/conv_manifest.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;

class MapConvPlansTest : public testing::Test {
 protected:
  MapConvPlans plans() const { return {ConvPlans::without_gpu(h200_properties(), {}), file_}; }
  static ConvShape shape() { return {1024, 64, 32, 32, 64, 3, 3, 1, 1, ActivationType::kFloat16}; }

  TempFolder folder_;
  fs::path file_ = folder_ / "map.h5.plans.json";
};

TEST_F(MapConvPlansTest, KeepsPlansAndBatchingForTheNextTime) {
  MapConvPlans first = plans();
  EXPECT_FALSE(first.batching().has_value());
  EXPECT_EQ(first.note(), "");
  first.save();
  EXPECT_FALSE(fs::exists(file_));
  const std::string plan = first.conv().get(shape(), ConvPass::kForwardBiasRelu).name;
  first.set_batching({1024, 4});
  first.save();

  MapConvPlans second = plans();
  EXPECT_EQ(second.batching(), (Batching{1024, 4}));
  EXPECT_TRUE(second.conv().is_chosen(shape(), ConvPass::kForwardBiasRelu));
  EXPECT_EQ(second.conv().get(shape(), ConvPass::kForwardBiasRelu).name, plan);
  EXPECT_NE(second.note().find("1 plans from"), std::string::npos);
  const auto written = fs::last_write_time(file_);
  second.set_batching({1024, 4});
  second.save();
  EXPECT_EQ(fs::last_write_time(file_), written);
  second.set_batching({512, 1});  // as if memory had run out
  second.save();
  EXPECT_EQ(plans().batching(), (Batching{512, 1}));
}

TEST_F(MapConvPlansTest, OfAnotherGpuAreNotUsed) {
  ConvManifest manifest = plans().conv().manifest();
  manifest.gpu = "NVIDIA A100";
  manifest.settings = {{"chunk", 1024}, {"lanes", 4}};
  write_conv_manifest(file_, manifest);
  MapConvPlans here = plans();
  EXPECT_FALSE(here.batching().has_value());
  EXPECT_NE(here.note().find("were chosen on NVIDIA A100"), std::string::npos);
}

TEST_F(MapConvPlansTest, ThatMakeNoSenseAreAnError) {
  ConvManifest manifest = plans().conv().manifest();
  manifest.settings = {{"chunk", 0}, {"lanes", 4}};
  write_conv_manifest(file_, manifest);
  expect_error([&] { plans(); }, "0 images and 4 points at once are invalid settings; remove the file");
  write_file_atomically(file_, "{");
  expect_error([&] { plans(); }, "map.h5.plans.json");
}

// Every layer of the networks has a fused plan on an H200 in float16 and bfloat16, with images padded to eight
// channels.
TEST_F(MapConvPlansTest, ExistForTheEvaluationOfEveryNetwork) {
  ConvPlans conv = ConvPlans::without_gpu(h200_properties(), {});
  for (const char* model : {"vgg11_bn", "resnet18"}) {
    for (const ActivationType type : {ActivationType::kFloat16, ActivationType::kBFloat16}) {
      for (ConvShape shape : convolutions_of(model, 1024, type)) {
        if (shape.c == 3) shape.c = 8;
        conv.get(shape, ConvPass::kForwardBiasRelu);
        conv.get(shape, ConvPass::kForwardBias);
        if (shape.c == shape.k) conv.get(shape, ConvPass::kForwardBiasAddRelu);
      }
    }
  }
  EXPECT_GT(conv.num_chosen(), 40u);
}

}  // namespace
}  // namespace thalweg
