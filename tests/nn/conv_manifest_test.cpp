#include "nn/conv_manifest.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

const ConvShape kShape{128, 64, 32, 32, 96, 3, 1, 2, 1, ActivationType::kBFloat16};

ConvManifest example() {
  ConvManifest manifest{91900, "A \"GPU\"", 13000, {}};
  manifest.choices[{kShape, ConvPass::kForwardBiasAddRelu}] = {"eng41_k2=4", 21.5};
  manifest.choices[{kShape, ConvPass::kWeightGradient}] = {"eng65", 0};
  return manifest;
}

TEST(ConvManifestFile, GivesBackWhatWasWritten) {
  TempFolder folder;
  ConvManifest with_settings = example();
  with_settings.settings = {{"chunk", 1024}, {"lanes", 2}};
  for (const ConvManifest& manifest : {example(), with_settings, ConvManifest{91900, "none", 0, {}}}) {
    write_conv_manifest(folder / "plans.json", manifest);
    const ConvManifest got = read_conv_manifest(folder / "plans.json");
    EXPECT_EQ(got.cudnn, manifest.cudnn);
    EXPECT_EQ(got.gpu, manifest.gpu);
    EXPECT_EQ(got.driver, manifest.driver);
    EXPECT_EQ(got.settings, manifest.settings);
    ASSERT_EQ(got.choices.size(), manifest.choices.size());
    for (const auto& [key, choice] : manifest.choices) {
      EXPECT_EQ(got.choices.at(key).plan, choice.plan);
      EXPECT_EQ(got.choices.at(key).microseconds, choice.microseconds);
    }
  }
}

TEST(ConvManifestFile, NamesTheFileAndWhatIsWrongInIt) {
  TempFolder folder;
  const auto path = folder / "plans.json";
  write_conv_manifest(path, example());
  const std::string good = read_file(path);
  const auto expect_defect = [&](const std::string& from, const std::string& to, const std::string& message) {
    std::string bad = good;
    ASSERT_NE(bad.find(from), std::string::npos) << from;
    write_file_atomically(path, bad.replace(bad.find(from), from.size(), to));
    expect_error([&] { read_conv_manifest(path); }, message);
    expect_error([&] { read_conv_manifest(path); }, path.string());
  };
  expect_defect("]}\n", "", "parse error");
  expect_defect("plans-1", "plans-2", "the format is \"thalweg-conv-plans-2\", expected \"thalweg-conv-plans-1\"");
  expect_defect("\"gpu\"", "\"gpv\"", "key 'gpu' not found");
  expect_defect("91900", "\"91900\"", "type must be number");
  expect_defect("bfloat16", "bfloat15", "\"bfloat15\" is not one of float32, bfloat16, float16");
  expect_defect("weight_gradient", "forward_bias_add_relu", "occurs twice");
  expect_defect("[128,64,32,32]", "[128,64,32]", "expected four sizes, got 3");
  expect_defect("[128,64,32,32]", "[128,65,32,32]", "the image has 65 channels, but the filter has 64");
  expect_defect("eng65", "", "a plan has no name; remove the file to choose new plans");
  expect_error([&] { read_conv_manifest(folder / "absent.json"); }, "absent.json");
}

}  // namespace
}  // namespace thalweg
