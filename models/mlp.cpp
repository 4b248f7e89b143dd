// A multi-layer perceptron on the flattened image, with ReLU between layers.
#include <fmt/format.h>

#include "models/models.h"

namespace thalweg {

Graph build_mlp(const ModelConfig& config, const ModelShape& shape) {
  GraphBuilder net(config.name, shape.input);
  int x = net.flatten(net.input());
  int index = 1;
  for (const std::int64_t width : config.hidden) {
    x = net.relu(net.linear(x, fmt::format("fc{}", index++), scaled_channels(config, width)));
  }
  net.linear(x, fmt::format("fc{}", index), shape.num_classes);
  return net.build();
}

}  // namespace thalweg
