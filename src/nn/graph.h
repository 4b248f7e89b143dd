// A network as data: a list of operations in topological order, and the layouts of its parameters and buffers.
// Three executors read the same graph: nn/eager.h, the reference; nn/backprop.h, for training; nn/evaluator.h, compiled
// (nn/program.h), for evaluation.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/layout.h"

namespace thalweg {

enum class Op {
  kInput,      // float32 [N, C, H, W]
  kConv,       // 2D, groups 1, dilation 1
  kBatchNorm,  // over N, H, W
  kRelu,
  kAdd,            // two inputs of one shape
  kMaxPool,        // kernel x kernel, stride `stride`
  kGlobalAvgPool,  // [N, C, H, W] -> [N, C, 1, 1]
  kPadShortcut,    // every stride-th pixel, channels zero-padded on both sides ("option A" of He et al. 2015)
  kFlatten,        // [N, C, H, W] -> [N, C*H*W]
  kLinear
};

struct Node {
  Op op = Op::kInput;
  std::array<int, 2> inputs{-1, -1};  // node indices, -1: none
  int weight = -1;                    // indices into Graph::parameters, -1: none
  int bias = -1;
  int running_mean = -1;  // indices into Graph::buffers
  int running_var = -1;
  int kernel = 1;
  int stride = 1;
  int padding = 0;                      // kConv: pixels on each side; kPadShortcut: channels on each side
  double eps = 1e-5;                    // kBatchNorm
  double momentum = 0.1;                // kBatchNorm: running = (1 - momentum) * running + momentum * batch
  std::array<std::int64_t, 3> shape{};  // shape of the output: C, H, W (features, 1, 1 after kFlatten)
};

struct Graph {
  std::string name;         // "vgg11_bn"
  std::vector<Node> nodes;  // nodes[0] is the input, the last node the logits [N, num_classes]
  Layout parameters;
  Layout buffers;

  std::array<std::int64_t, 3> input_shape() const { return nodes.front().shape; }
  std::int64_t num_classes() const { return nodes.back().shape[0]; }
  bool has_batch_norm() const { return buffers.size() > 0; }
  // Whether the images are flattened first, in channel order: they should then be contiguous, not channels-last.
  bool flattens_images() const { return nodes.size() > 1 && nodes[1].op == Op::kFlatten; }
};

// Builds a graph node by node; each call returns the new node's index. Parameter names are PREFIX.weight and so on.
class GraphBuilder {
 public:
  GraphBuilder(std::string name, std::array<std::int64_t, 3> input_shape);

  struct ConvSpec {
    std::int64_t channels = 0;
    int kernel = 3;
    int stride = 1;
    int padding = 1;
    bool bias = false;
  };
  int input() const { return 0; }
  int conv(int input, const std::string& prefix, const ConvSpec& spec);
  int batch_norm(int input, const std::string& prefix);
  int relu(int input);
  int add(int left, int right);
  int max_pool(int input, int kernel);
  int global_avg_pool(int input);
  int pad_shortcut(int input, int stride, std::int64_t channels);
  int flatten(int input);
  int linear(int input, const std::string& prefix, std::int64_t features);

  const std::array<std::int64_t, 3>& shape(int node) const {
    return graph_.nodes[static_cast<std::size_t>(node)].shape;
  }
  Graph build() { return std::move(graph_); }

 private:
  int push(Node node);

  Graph graph_;
};

// The number of multiply-adds in one image's forward pass (convolutions and linear layers, including padding).
std::int64_t forward_macs(const Graph& graph);

}  // namespace thalweg
