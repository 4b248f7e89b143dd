#include <gtest/gtest.h>

#include "expect_error.h"
#include "models/models.h"

namespace thalweg {
namespace {

Graph build(const std::string& name, std::int64_t channels, std::int64_t side) {
  ModelConfig config;
  config.name = name;
  return build_model(config, {channels, side, side}, 10);
}

TEST(ImageSize, VggSaysWhatItsPoolingsNeed) {
  for (const char* name : {"vgg11", "vgg11_bn", "vgg19_bn"}) {
    expect_usage_error([&] { build(name, 1, 28); }, "images of 28x28 pixels are too small");
    expect_usage_error([&] { build(name, 1, 28); }, "\"data.pad_to\": 32");
    expect_usage_error([&] { build(name, 1, 1); }, "\"data.pad_to\": 2");  // the first pooling fails already
    EXPECT_EQ(build(name, 1, 32).num_classes(), 10);
    EXPECT_EQ(build(name, 3, 45).num_classes(), 10);
  }
}

TEST(ImageSize, OtherNetworksTakeGreyImagesOf28Pixels) {
  for (const char* name : {"resnet20", "resnet18", "mlp"}) {
    EXPECT_EQ(build(name, 1, 28).input_shape(), (std::array<std::int64_t, 3>{1, 28, 28})) << name;
  }
}

}  // namespace
}  // namespace thalweg
