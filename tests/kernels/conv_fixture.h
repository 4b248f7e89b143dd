// For tests of convolution plans: a GPU that need not be there, and the convolutions of the networks that we train.
#pragma once

#include <array>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "kernels/conv_plan.h"
#include "models/models.h"

namespace thalweg {

// An H200 as cuDNN describes one.
inline std::string h200_properties() {
  std::ifstream file(THALWEG_H200_PROPERTIES);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::set<ConvShape> convolutions_of(const std::string& model, std::int64_t batch, ActivationType type) {
  ModelConfig config;
  config.name = model;
  config.shortcut.assign(1, 'B');  // gcc 12 sees an overflow in the assignment of a literal
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

// What no network of ours has.
inline const std::array<ConvShape, 6> kOddConvolutions = {{
    {5, 16, 8, 8, 24, 3, 3, 1, 1},  // plain
    {1, 8, 1, 1, 8, 1, 1, 1, 0},    // the smallest
    {7, 3, 11, 9, 13, 3, 3, 1, 1},  // odd everywhere, channels that are no multiple of 8
    {3, 16, 9, 9, 32, 3, 3, 2, 1},  // stride 2 over an odd size
    {3, 16, 9, 8, 32, 1, 1, 2, 0},  // a shortcut
    {2, 8, 12, 10, 16, 5, 3, 1, 2}  // a filter that is not square
}};
inline const ConvShape kFusedConvolution{5, 16, 9, 9, 24, 3, 3, 2, 1};

}  // namespace thalweg
