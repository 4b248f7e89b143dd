#include "nn/eager.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace thalweg {
namespace {

at::Tensor optional_at(const std::vector<at::Tensor>& tensors, int index) {
  return index < 0 ? at::Tensor() : tensors[static_cast<std::size_t>(index)];
}

at::Tensor batch_norm(const Node& node, const std::vector<at::Tensor>& parameters,
                      const std::vector<at::Tensor>& buffers, const at::Tensor& x, NormMode mode) {
  const bool training = mode != NormMode::kEval;
  const double momentum = mode == NormMode::kEstimate ? 1.0 : node.momentum;
  return at::batch_norm(x, optional_at(parameters, node.weight), optional_at(parameters, node.bias),
                        optional_at(buffers, node.running_mean), optional_at(buffers, node.running_var), training,
                        momentum, node.eps, /*cudnn_enabled=*/true);
}

at::Tensor pad_shortcut(const Node& node, const at::Tensor& x) {
  const at::Tensor strided = x.slice(2, 0, x.size(2), node.stride).slice(3, 0, x.size(3), node.stride);
  return at::constant_pad_nd(strided, {0, 0, 0, 0, node.padding, node.padding});
}

}  // namespace

at::Tensor run_eager(const Graph& graph, const std::vector<at::Tensor>& parameters,
                     const std::vector<at::Tensor>& buffers, const at::Tensor& images, NormMode mode) {
  std::vector<at::Tensor> values(graph.nodes.size());
  // Values are dropped after their last use: without autograd, only a few activations are alive at a time.
  std::vector<std::size_t> last_use(graph.nodes.size(), 0);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const int input : graph.nodes[i].inputs) {
      if (input >= 0) last_use[static_cast<std::size_t>(input)] = i;
    }
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const at::Tensor x = optional_at(values, node.inputs[0]);
    at::Tensor& y = values[i];
    switch (node.op) {
      case Op::kInput:
        y = images;
        break;
      case Op::kConv:
        y = at::conv2d(x, optional_at(parameters, node.weight), optional_at(parameters, node.bias),
                       at::IntArrayRef{node.stride, node.stride}, at::IntArrayRef{node.padding, node.padding});
        break;
      case Op::kBatchNorm:
        y = batch_norm(node, parameters, buffers, x, mode);
        break;
      case Op::kRelu:
        y = at::relu(x);
        break;
      case Op::kAdd:
        y = at::add(x, optional_at(values, node.inputs[1]));
        break;
      case Op::kMaxPool:
        y = at::max_pool2d(x, {node.kernel, node.kernel}, {node.stride, node.stride});
        break;
      case Op::kGlobalAvgPool:
        y = at::mean(x, {2, 3}, /*keepdim=*/true);
        break;
      case Op::kPadShortcut:
        y = pad_shortcut(node, x);
        break;
      case Op::kFlatten:
        y = at::flatten(x, 1);
        break;
      case Op::kLinear:
        y = at::linear(x, optional_at(parameters, node.weight), optional_at(parameters, node.bias));
        break;
    }
    for (const int input : node.inputs) {
      if (input >= 0 && last_use[static_cast<std::size_t>(input)] == i)
        values[static_cast<std::size_t>(input)] = at::Tensor();
    }
  }
  return values.back();
}

void estimate_batch_norm(const Graph& graph, const at::Tensor& weights, const at::Tensor& buffers,
                         const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  run_eager(graph, graph.parameters.views(weights), graph.buffers.views(buffers),
            images.contiguous(at::MemoryFormat::ChannelsLast), NormMode::kEstimate);
}

}  // namespace thalweg
