// ResNets of basic blocks (He et al. 2016): the wide ones with a CIFAR stem (18, 34), the thin CIFAR ones (6n + 2).
#include <fmt/format.h>

#include "models/models.h"

namespace thalweg {
namespace {

struct BlockSpec {
  std::string prefix;
  std::int64_t channels;
  int stride;
  bool pad_shortcut;  // option A if the shape changes; else a 1x1 convolution
};

int basic_block(GraphBuilder& net, int input, const BlockSpec& spec) {
  int x = net.conv(input, spec.prefix + ".conv1", {.channels = spec.channels, .stride = spec.stride});
  x = net.relu(net.batch_norm(x, spec.prefix + ".bn1"));
  x = net.conv(x, spec.prefix + ".conv2", {.channels = spec.channels});
  x = net.batch_norm(x, spec.prefix + ".bn2");
  int shortcut = input;
  if (spec.stride != 1 || net.shape(input)[0] != spec.channels) {
    if (spec.pad_shortcut) {
      shortcut = net.pad_shortcut(input, spec.stride, spec.channels);
    } else {
      shortcut = net.conv(input, spec.prefix + ".shortcut.0",
                          {.channels = spec.channels, .kernel = 1, .stride = spec.stride, .padding = 0});
      shortcut = net.batch_norm(shortcut, spec.prefix + ".shortcut.1");
    }
  }
  return net.relu(net.add(x, shortcut));
}

struct StageSpec {
  std::int64_t channels;
  int num_blocks;
};

Graph build_resnet(const ModelConfig& config, const ModelShape& shape, const std::vector<StageSpec>& stages,
                   bool pad_shortcut) {
  GraphBuilder net(config.name, shape.input);
  int x = net.conv(net.input(), "conv1", {.channels = scaled_channels(config, stages[0].channels)});
  x = net.relu(net.batch_norm(x, "bn1"));
  for (std::size_t stage = 0; stage < stages.size(); ++stage) {
    for (int block = 0; block < stages[stage].num_blocks; ++block) {
      x = basic_block(net, x,
                      {fmt::format("layer{}.{}", stage + 1, block), scaled_channels(config, stages[stage].channels),
                       stage > 0 && block == 0 ? 2 : 1, pad_shortcut});
    }
  }
  x = net.flatten(net.global_avg_pool(x));
  net.linear(x, "linear", shape.num_classes);
  return net.build();
}

}  // namespace

Graph build_resnet_wide(const ModelConfig& config, const ModelShape& shape, int depth) {
  if (depth == 18) return build_resnet(config, shape, {{64, 2}, {128, 2}, {256, 2}, {512, 2}}, false);
  return build_resnet(config, shape, {{64, 3}, {128, 4}, {256, 6}, {512, 3}}, false);
}

Graph build_resnet_thin(const ModelConfig& config, const ModelShape& shape, int depth) {
  const int n = (depth - 2) / 6;
  return build_resnet(config, shape, {{16, n}, {32, n}, {64, n}}, config.shortcut == "A");
}

}  // namespace thalweg
