// For tests of convolution plans: the description of a GPU that need not be present, and the convolutions of our
// networks.
#pragma once

#include <array>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "kernels/conv_plan.h"
#include "models/models.h"

namespace thalweg {

// cuDNN's description of an H200.
inline std::string h200_properties() {
  std::ifstream file(THALWEG_H200_PROPERTIES);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::set<ConvShape> convolutions_of(const std::string& model, std::int64_t batch, ActivationType type) {
  ModelConfig config;
  config.name = model;
  config.shortcut.assign(1, 'B');  // GCC 12 gives a false overflow warning if a literal is assigned
  const Graph graph = build_model(config, {3, 32, 32}, 10);
  std::set<ConvShape> shapes;
  for (const Node& node : graph.nodes) {
    if (node.op != Op::kConv) continue;
    const auto& input = graph.nodes[static_cast<std::size_t>(node.inputs[0])].shape;
    shapes.insert({batch, input[0], input[1], input[2], node.shape[0], node.kernel, node.kernel, node.stride,
                   node.padding, type});
  }
  return shapes;
}

// Convolutions that none of our networks has.
inline const std::array<ConvShape, 6> kOddConvolutions = {{
    {5, 16, 8, 8, 24, 3, 3, 1, 1},  // plain
    {1, 8, 1, 1, 8, 1, 1, 1, 0},    // the smallest
    {7, 3, 11, 9, 13, 3, 3, 1, 1},  // odd sizes, channels not a multiple of 8
    {3, 16, 9, 9, 32, 3, 3, 2, 1},  // stride 2 over an odd size
    {3, 16, 9, 8, 32, 1, 1, 2, 0},  // a shortcut
    {2, 8, 12, 10, 16, 5, 3, 1, 2}  // a non-square filter
}};
inline const ConvShape kFusedConvolution{5, 16, 9, 9, 24, 3, 3, 2, 1};

}  // namespace thalweg
