// VGG for 32x32 images (Simonyan & Zisserman 2015, configurations A, B, D, E): the convolutions, one global average
// pooling and one linear layer.
#include <map>

#include <fmt/format.h>

#include "models/models.h"

namespace thalweg {

Graph build_vgg(const ModelConfig& config, const ModelShape& shape, int depth, bool batch_norm) {
  // The number of convolutions in each of the five stages; each stage ends with pooling.
  static const std::map<int, std::array<int, 5>> kStages = {
      {11, {1, 1, 2, 2, 2}}, {13, {2, 2, 2, 2, 2}}, {16, {2, 2, 3, 3, 3}}, {19, {2, 2, 4, 4, 4}}};
  constexpr std::array<std::int64_t, 5> kChannels = {64, 128, 256, 512, 512};
  GraphBuilder net(config.name, shape.input);
  int x = net.input();
  int index = 0;  // position in nn.Sequential, which names the layers
  for (std::size_t stage = 0; stage < kChannels.size(); ++stage) {
    for (int i = 0; i < kStages.at(depth)[stage]; ++i) {
      x = net.conv(x, fmt::format("features.{}", index++),
                   {.channels = scaled_channels(config, kChannels[stage]), .bias = true});
      if (batch_norm) x = net.batch_norm(x, fmt::format("features.{}", index++));
      x = net.relu(x);
      ++index;
    }
    x = net.max_pool(x, 2);
    ++index;
  }
  x = net.flatten(net.global_avg_pool(x));
  net.linear(x, "classifier", shape.num_classes);
  return net.build();
}

}  // namespace thalweg
