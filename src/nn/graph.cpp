#include "nn/graph.h"

#include "base/error.h"

namespace thalweg {
namespace {

// The number of image pixels, along one axis, per pixel of the node's output.
std::int64_t stride_before(const Graph& graph, int node) {
  std::int64_t stride = 1;
  for (; node > 0; node = graph.nodes[static_cast<std::size_t>(node)].inputs[0]) {
    stride *= graph.nodes[static_cast<std::size_t>(node)].stride;
  }
  return stride;
}

}  // namespace

GraphBuilder::GraphBuilder(std::string name, std::array<std::int64_t, 3> input_shape) {
  graph_.name = std::move(name);
  Node node;
  node.shape = input_shape;
  push(node);
}

int GraphBuilder::push(Node node) {
  graph_.nodes.push_back(node);
  return static_cast<int>(graph_.nodes.size()) - 1;
}

int GraphBuilder::conv(int input, const std::string& prefix, const ConvSpec& spec) {
  const auto& in = shape(input);
  Node node;
  node.op = Op::kConv;
  node.inputs[0] = input;
  node.kernel = spec.kernel;
  node.stride = spec.stride;
  node.padding = spec.padding;
  const auto extent = [&](std::int64_t size) { return (size + 2 * spec.padding - spec.kernel) / spec.stride + 1; };
  node.shape = {spec.channels, extent(in[1]), extent(in[2])};
  check(node.shape[1] > 0 && node.shape[2] > 0, "{}: the image is too small here ({}x{} pixels)", prefix, in[1], in[2]);
  const std::int64_t fan_in = in[0] * spec.kernel * spec.kernel;
  node.weight = graph_.parameters.add(prefix + ".weight", {spec.channels, in[0], spec.kernel, spec.kernel},
                                      TensorRole::kWeight, fan_in);
  if (spec.bias) node.bias = graph_.parameters.add(prefix + ".bias", {spec.channels}, TensorRole::kBias, fan_in);
  return push(node);
}

int GraphBuilder::batch_norm(int input, const std::string& prefix) {
  Node node;
  node.op = Op::kBatchNorm;
  node.inputs[0] = input;
  node.shape = shape(input);
  const std::int64_t channels = node.shape[0];
  node.weight = graph_.parameters.add(prefix + ".weight", {channels}, TensorRole::kNormWeight);
  node.bias = graph_.parameters.add(prefix + ".bias", {channels}, TensorRole::kNormBias);
  node.running_mean = graph_.buffers.add(prefix + ".running_mean", {channels}, TensorRole::kRunningMean);
  node.running_var = graph_.buffers.add(prefix + ".running_var", {channels}, TensorRole::kRunningVar);
  return push(node);
}

int GraphBuilder::relu(int input) {
  Node node;
  node.op = Op::kRelu;
  node.inputs[0] = input;
  node.shape = shape(input);
  return push(node);
}

int GraphBuilder::add(int left, int right) {
  check(shape(left) == shape(right), "the two branches of a residual block have different shapes");
  Node node;
  node.op = Op::kAdd;
  node.inputs = {left, right};
  node.shape = shape(left);
  return push(node);
}

int GraphBuilder::max_pool(int input, int kernel) {
  const auto& in = shape(input);
  Node node;
  node.op = Op::kMaxPool;
  node.inputs[0] = input;
  node.kernel = node.stride = kernel;
  node.shape = {in[0], in[1] / kernel, in[2] / kernel};
  if (node.shape[1] == 0 || node.shape[2] == 0) {
    const auto& image = graph_.nodes.front().shape;
    fail_usage(
        "{}: images of {}x{} pixels are too small for its poolings; \"data.pad_to\": {} puts a border around them",
        graph_.name, image[1], image[2], kernel * stride_before(graph_, input));
  }
  return push(node);
}

int GraphBuilder::global_avg_pool(int input) {
  Node node;
  node.op = Op::kGlobalAvgPool;
  node.inputs[0] = input;
  node.shape = {shape(input)[0], 1, 1};
  return push(node);
}

int GraphBuilder::pad_shortcut(int input, int stride, std::int64_t channels) {
  const auto& in = shape(input);
  check((channels - in[0]) % 2 == 0 && channels >= in[0],
        "a padding shortcut from {} to {} channels needs an even difference; choose another width or shortcut B", in[0],
        channels);
  Node node;
  node.op = Op::kPadShortcut;
  node.inputs[0] = input;
  node.stride = stride;
  node.padding = static_cast<int>((channels - in[0]) / 2);
  node.shape = {channels, (in[1] + stride - 1) / stride, (in[2] + stride - 1) / stride};
  return push(node);
}

int GraphBuilder::flatten(int input) {
  const auto& in = shape(input);
  Node node;
  node.op = Op::kFlatten;
  node.inputs[0] = input;
  node.shape = {in[0] * in[1] * in[2], 1, 1};
  return push(node);
}

int GraphBuilder::linear(int input, const std::string& prefix, std::int64_t features) {
  const std::int64_t fan_in = shape(input)[0];
  Node node;
  node.op = Op::kLinear;
  node.inputs[0] = input;
  node.shape = {features, 1, 1};
  node.weight = graph_.parameters.add(prefix + ".weight", {features, fan_in}, TensorRole::kWeight, fan_in);
  node.bias = graph_.parameters.add(prefix + ".bias", {features}, TensorRole::kBias, fan_in);
  return push(node);
}

std::int64_t forward_macs(const Graph& graph) {
  std::int64_t macs = 0;
  for (const Node& node : graph.nodes) {
    if (node.op != Op::kConv && node.op != Op::kLinear) continue;
    macs += graph.parameters[node.weight].numel * node.shape[1] * node.shape[2];
  }
  return macs;
}

}  // namespace thalweg
